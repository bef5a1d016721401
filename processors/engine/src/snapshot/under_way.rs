//! A state as it stood, taken while the fold goes on.
//!
//! When a snapshot begins, every symbol, pair and bucket of alerts is *due*. What is about to change is copied before it does; the
//! rest is copied a little at a time, between records. Either way a part holds what stood when the snapshot began, and the
//! fold never stands still for all of it.

use std::ops::{Deref, Index, IndexMut};

/// Places of which copies are due, and the copies that were made.
#[derive(Debug, Clone)]
pub(crate) struct Due<T> {
    /// By place; all false while no snapshot is under way.
    is_due: Vec<bool>,
    left: usize,
    /// No place before it is due.
    next: usize,
    copies: Vec<(u32, T)>,
}

impl<T> Default for Due<T> {
    fn default() -> Self {
        Self { is_due: Vec::new(), left: 0, next: 0, copies: Vec::new() }
    }
}

impl<T> Due<T> {
    /// So many places are due from here on.
    pub(crate) fn begin(&mut self, places: usize) {
        *self = Self { is_due: vec![true; places], left: places, next: 0, copies: Vec::new() };
    }

    #[inline]
    pub(crate) const fn is_any(&self) -> bool {
        self.left > 0
    }

    /// True once for a place that is due: its copy is to be made now.
    pub(crate) fn claim(&mut self, place: usize) -> bool {
        let was_due = self.is_due.get_mut(place).is_some_and(std::mem::take);
        self.left -= usize::from(was_due);
        was_due
    }

    /// The next place that is due.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let from = self.is_due.get(self.next..)?;
        self.next += from.iter().position(|is_due| *is_due)?;
        Some(self.next)
    }

    pub(crate) fn keep(&mut self, place: usize, copy: T) {
        self.copies.push((place as u32, copy));
    }

    pub(crate) fn take_copies(&mut self) -> Vec<(u32, T)> {
        std::mem::take(&mut self.copies)
    }
}

/// What a part can be made of.
pub(crate) trait Stored {
    /// What the part holds.
    type Body;
    fn body(&self) -> Self::Body;
}

/// A list of which no item changes before its copy is made, where that is due.
#[derive(Debug, Clone)]
pub(crate) struct Copied<T: Stored> {
    items: Vec<T>,
    due: Due<T::Body>,
}

impl<T: Stored> Copied<T> {
    pub(crate) fn begin(&mut self) {
        self.due.begin(self.items.len());
    }

    pub(crate) fn copy(&mut self, place: usize) {
        if self.due.claim(place)
            && let Some(item) = self.items.get(place)
        {
            self.due.keep(place, item.body());
        }
    }

    pub(crate) const fn due(&mut self) -> &mut Due<T::Body> {
        &mut self.due
    }

    /// Everything that is due is copied, and the items are somebody's who arranges them anew.
    pub(crate) fn take_items(&mut self) -> Vec<T> {
        while let Some(place) = self.due.next() {
            self.copy(place);
        }
        std::mem::take(&mut self.items)
    }

    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
    }
}

impl<T: Stored> From<Vec<T>> for Copied<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, due: Due::default() }
    }
}

impl<T: Stored> Deref for Copied<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T: Stored> Index<usize> for Copied<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: usize) -> &T {
        &self.items[place]
    }
}

impl<T: Stored> IndexMut<usize> for Copied<T> {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut T {
        if self.due.is_any() {
            self.copy(place);
        }
        &mut self.items[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Stored for u8 {
        type Body = Self;
        fn body(&self) -> Self {
            *self
        }
    }

    fn copies(list: &mut Copied<u8>) -> Vec<(u32, u8)> {
        while let Some(place) = list.due().next() {
            list.copy(place);
        }
        list.due().take_copies()
    }

    #[test]
    fn what_changes_is_copied_as_it_stood_and_only_once() {
        let mut list = Copied::from(vec![1, 2, 3]);
        list[0] = 10;
        list.begin();
        list[1] = 20;
        list[1] = 21;
        assert_eq!(copies(&mut list), [(1, 2), (0, 10), (2, 3)]);
        list[2] = 30;
        assert_eq!(copies(&mut list), [], "nobody asked for more");
    }

    #[test]
    fn a_list_that_is_arranged_anew_is_copied_before() {
        let mut list = Copied::from(vec![1, 2]);
        list.begin();
        list[1] = 20;
        assert_eq!(list.take_items(), [1, 20]);
        list.push(5);
        assert_eq!(copies(&mut list), [(1, 2), (0, 1)]);
    }

    #[test]
    fn one_that_begins_anew_forgets_the_one_before() {
        let mut list = Copied::from(vec![1, 2]);
        list.begin();
        list[0] = 10;
        list.begin();
        assert_eq!(copies(&mut list), [(0, 10), (1, 2)]);
    }
}
