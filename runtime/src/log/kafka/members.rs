//! Who is in a group, and what each was given: as its leader told the coordinator.

use bellwether_schemas::Topic;
use rdkafka::groups::{GroupList, GroupMemberInfo};

use crate::log::GroupMember;

/// What a broker appends to a member's static id, or to its client's name.
const UUID: usize = "-00000000-0000-0000-0000-000000000000".len();

pub(super) fn members(list: &GroupList, group: &str) -> Vec<GroupMember> {
    let named = list.groups().iter().filter(|found| found.name() == group);
    named.flat_map(|found| found.members()).map(member).collect()
}

fn member(info: &GroupMemberInfo) -> GroupMember {
    let topics = info.assignment().and_then(assigned).unwrap_or_default();
    GroupMember { id: static_id(info.id()).into(), topics }
}

/// `group.instance.id`, which the list of groups does not hold, begins the member id.
fn static_id(member: &str) -> &str {
    let split = member.len().checked_sub(UUID).and_then(|at| member.split_at_checked(at));
    split.filter(|(id, _)| !id.is_empty()).map_or(member, |(id, _)| id)
}

/// The consumer protocol's assignment: a version, then topics, each a name and its partitions.
fn assigned(bytes: &[u8]) -> Option<Vec<Topic>> {
    let (_version, rest) = bytes.split_at_checked(2)?;
    let (count, mut rest) = number32(rest)?;
    let mut topics = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (partitions, after) = number32(after)?;
        rest = after.get(usize::try_from(partitions).ok()?.checked_mul(4)?..)?;
        topics.extend(std::str::from_utf8(name).ok().and_then(|name| name.parse::<Topic>().ok()));
    }
    Some(topics)
}

fn number32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_known_by_its_static_id() {
        let member = "host-bellwether-rows-0-0b5e1c0e-6d0c-4a3b-9a57-0f3f1d1f2a3b";
        assert_eq!(static_id(member), "host-bellwether-rows-0");
        assert_eq!(static_id("short"), "short");
    }

    #[test]
    fn an_assignment_names_our_topics_and_a_torn_one_names_none() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2];
        for (name, partitions) in [("fxlabs.journal.v1", 1_u32), ("others", 2)] {
            bytes.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(partitions.to_be_bytes());
            (0..partitions).for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        bytes.extend([0xff; 4]);
        let topics = assigned(&bytes).unwrap();
        assert_eq!(topics.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fxlabs.journal.v1"]);
        assert!((0..bytes.len() - 4).all(|end| assigned(&bytes[..end]).is_none()));
        assert_eq!(assigned(&[0, 1, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
