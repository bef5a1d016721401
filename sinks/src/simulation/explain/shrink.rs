//! Leaving out what a failure does not need: Zeller's delta debugging, on all processors.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The first of so many places at which it holds; as many are looked at at a time as there are processors.
pub(super) fn first_at(places: usize, holds: &(dyn Fn(usize) -> bool + Sync)) -> Option<usize> {
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(places));
    let look = || loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        if place >= found.load(Ordering::Relaxed) {
            return;
        }
        if holds(place) {
            found.fetch_min(place, Ordering::Relaxed);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(places);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(look))));
    Some(found.into_inner()).filter(|found| *found < places)
}

/// As few as will do: halves, quarters and so on are left out for as long as it fails without them, until none can be
/// left out alone.
pub(super) fn shrunk<T: Copy + Sync>(all: &[T], fails: &(dyn Fn(&[T]) -> bool + Sync)) -> Vec<T> {
    if fails(&[]) {
        return Vec::new();
    }
    let (mut left, mut parts) = (all.to_vec(), 2);
    while left.len() > 1 {
        let size = left.len().div_ceil(parts);
        let without = |part: usize| -> Vec<T> {
            let (before, rest) = left.split_at(part * size);
            [before, &rest[size.min(rest.len())..]].concat()
        };
        match first_at(left.len().div_ceil(size), &|part| fails(&without(part))) {
            Some(part) => (left, parts) = (without(part), 2.max(parts - 1)),
            None if size == 1 => break,
            None => parts = (parts * 2).min(left.len()),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faults_that_it_takes_are_left_and_no_others() {
        let all: Vec<u32> = (0..60).collect();
        for needed in [vec![], vec![7], vec![3, 41], vec![0, 1, 30, 59]] {
            let fails = |some: &[u32]| needed.iter().all(|it| some.contains(it));
            assert_eq!(shrunk(&all, &fails), needed);
        }
    }

    #[test]
    fn few_runs_leave_the_one_fault_of_many_that_it_takes() {
        let (all, runs): (Vec<u32>, _) = ((0..64).collect(), AtomicUsize::new(0));
        let fails = |some: &[u32]| {
            runs.fetch_add(1, Ordering::Relaxed);
            some.contains(&41)
        };
        assert_eq!(shrunk(&all, &fails), [41]);
        assert!(runs.into_inner() <= 1 + 2 * 6);
    }
}
