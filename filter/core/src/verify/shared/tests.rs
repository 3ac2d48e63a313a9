//! Several workers on one store, and a store that others write to.

use super::*;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;

type Values = Rc<RefCell<BTreeMap<String, (Vec<u8>, u32)>>>;

/// As Envoy has it: a new number for each write, and a write to an absent key always succeeds.
fn store(values: &Values) -> SharedStore {
    let (reader, writer) = (Rc::clone(values), Rc::clone(values));
    SharedStore::new(
        move |key| reader.borrow().get(key).cloned(),
        move |key, value, expected| {
            let mut values = writer.borrow_mut();
            let known = values.get(key).map(|(_, number)| *number);
            if known.is_some_and(|number| number != expected) {
                return false;
            }
            values.insert(key.into(), (value.into(), known.unwrap_or(0) + 1));
            true
        },
    )
}

const SECOND: Duration = Duration::from_secs(1);

fn tag(number: u32) -> Tag {
    let mut tag = [0x55; 32];
    let octets = number.wrapping_mul(0x9E37_79B1).to_le_bytes();
    tag[..4].copy_from_slice(&octets);
    tag[4..8].copy_from_slice(&number.to_le_bytes());
    tag
}

#[test]
fn whoever_comes_first_draws_the_key_and_all_agree() {
    let values = Values::default();
    let (one, other) = (store(&values), store(&values));
    assert_eq!(one.agreed_key(&[1; 32]), Some([1; 32]));
    assert_eq!(other.agreed_key(&[2; 32]), Some([1; 32]));
    assert_eq!(one.agreed_key(&[3; 32]), Some([1; 32]));
}

#[test]
fn two_workers_that_find_no_key_at_the_same_time_agree() {
    let values = Values::default();
    let (first, second) = (store(&values), Rc::clone(&values));
    // Between the reading of the one and its writing, the other writes.
    let other = store(&values);
    let slow = SharedStore::new(
        move |key| {
            let read = second.borrow().get(key).cloned();
            assert_eq!(other.agreed_key(&[2; 32]), Some([2; 32]));
            read
        },
        move |key, value, number| (first.write)(key, value, number),
    );
    assert_eq!(slow.agreed_key(&[1; 32]), Some([2; 32]));
}

#[test]
fn a_store_that_keeps_nothing_gives_no_key() {
    let store = SharedStore::new(|_| None, |_, _, _| false);
    assert_eq!(store.agreed_key(&[1; 32]), None);
    store.insert(&tag(1), SECOND);
    assert_eq!(store.verified_at(&tag(1)), None);
}

#[test]
fn garbage_of_any_length_is_ignored_and_written_over() {
    for length in [0, 1, 31, 33, SET_OCTETS - 1, SET_OCTETS + 1, 100_000] {
        let values = Values::default();
        let store = store(&values);
        for key in [KEY.into(), name(&tag(1))] {
            values.borrow_mut().insert(key, (vec![0xA5; length], 7));
        }
        assert_eq!(store.verified_at(&tag(1)), None, "{length}");
        assert_eq!(store.agreed_key(&[1; 32]), Some([1; 32]), "{length}");
        store.insert(&tag(1), SECOND);
        assert_eq!(store.verified_at(&tag(1)), Some(SECOND), "{length}");
    }
}

#[test]
fn garbage_of_the_right_length_is_nobodys_tag() {
    let values = Values::default();
    let store = store(&values);
    values
        .borrow_mut()
        .insert(name(&tag(1)), (vec![0xFF; SET_OCTETS], 1));
    assert_eq!(store.verified_at(&tag(1)), None);
    store.insert(&tag(1), SECOND);
    assert_eq!(store.verified_at(&tag(1)), Some(SECOND));
}

#[test]
fn very_many_credentials_take_no_more_than_the_sets() {
    let values = Values::default();
    let store = store(&values);
    for number in 0..100_000 {
        store.insert(&tag(number), SECOND * number);
        assert_eq!(store.verified_at(&tag(number)), Some(SECOND * number));
    }
    let values = values.borrow();
    assert_eq!(values.len(), usize::from(SETS));
    assert!(values.values().all(|(value, _)| value.len() == SET_OCTETS));
}

#[test]
fn the_oldest_of_a_set_and_those_from_the_future_make_room() {
    let store = store(&Values::default());
    let same_set = |last: u8| {
        let mut tag = [1; 32];
        tag[31] = last;
        tag
    };
    store.insert(&same_set(0), SECOND * 1000);
    for number in 1..=8 {
        store.insert(&same_set(number), SECOND * number.into());
    }
    assert_eq!(store.verified_at(&same_set(0)), None, "from the future");
    store.insert(&same_set(3), SECOND * 9);
    store.insert(&same_set(9), SECOND * 10);
    assert_eq!(store.verified_at(&same_set(1)), None, "the oldest");
    for (number, verified_at) in [(2, 2), (3, 9), (8, 8), (9, 10)] {
        let found = store.verified_at(&same_set(number));
        assert_eq!(found, Some(SECOND * verified_at), "{number}");
    }
}
