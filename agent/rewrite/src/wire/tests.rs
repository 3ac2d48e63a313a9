//! Fields of messages, whole, twice and broken.

use super::*;

fn numbers(message: &[u8]) -> Result<Vec<u32>, Malformed> {
    fields(message)
        .map(|field| field.map(|field| field.number))
        .collect()
}

#[test]
fn every_wire_type_is_read() {
    let message = [
        0x08, 0x96, 0x01, // 1: 150
        0x11, 1, 2, 3, 4, 5, 6, 7, 8, // 2: fixed64
        0x1a, 0x02, b'h', b'i', // 3: "hi"
        0x23, 0x08, 0x01, 0x2b, 0x2c, 0x24, // 4: group with 1 and a group 5
        0x35, 1, 2, 3, 4, // 6: fixed32
    ];
    assert_eq!(numbers(&message), Ok(vec![1, 2, 3, 4, 6]));
    assert_eq!(varint(&message, 1), Ok(150));
    assert_eq!(text(&message, 3), Ok("hi"));
    let raw: Vec<u8> = fields(&message)
        .flat_map(|field| field.unwrap().raw)
        .copied()
        .collect();
    assert_eq!(raw, message);
}

#[test]
fn what_protobuf_could_read_otherwise_is_refused() {
    for (message, error) in [
        (&[0x00][..], Malformed::Tag),                           // number 0
        (&[0x8a, 0x00, 0x00], Malformed::Tag),                   // 1, in two octets
        (&[0x8a, 0x80, 0x80, 0x80, 0x10, 0x00], Malformed::Tag), // 1, with a bit 32
        (&[0x0e], Malformed::Tag),                               // wire type 6
        (&[0x0c], Malformed::Tag),                               // end of no group
        (&[0x0b, 0x14], Malformed::Group),                       // end of another group
        (&[0x0b], Malformed::Truncated),                         // group without end
        (&[0x0a, 0x05, 1, 2], Malformed::Truncated),             // short
        (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], Malformed::Number), // 2^32-1 octets
        (
            &[0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            Malformed::Number,
        ),
        (&[0x0a], Malformed::Truncated),
        (
            &[
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
            ],
            Malformed::Number,
        ),
        (&[0x09, 1], Malformed::Truncated),
    ] {
        assert_eq!(numbers(message), Err(error), "{message:x?}");
    }
    let deep = [[0x0b_u8].repeat(101), [0x0c].repeat(101)].concat();
    assert_eq!(numbers(&deep), Err(Malformed::Group));
    let just_deep_enough = [[0x0b_u8].repeat(100), [0x0c].repeat(100)].concat();
    assert_eq!(numbers(&just_deep_enough), Ok(vec![1]));
}

#[test]
fn occurrences_are_merged_and_the_last_text_counts() {
    let twice = message(&[(1, b"ab"), (2, b"x"), (1, b"c")]);
    assert_eq!(merged(&twice, 1).unwrap().unwrap().as_ref(), b"abc");
    assert_eq!(text(&twice, 1), Ok("c"));
    assert_eq!(merged(&twice, 3), Ok(None));
}

#[test]
fn a_replaced_field_stands_once_at_the_first_place() {
    let twice = message(&[(2, b"x"), (1, b"ab"), (3, b"y"), (1, b"c")]);
    let expected = message(&[(2, b"x"), (1, b"new"), (3, b"y")]);
    assert_eq!(replaced(&twice, 1, Some(b"new")), Ok(expected));
    assert_eq!(
        replaced(&twice, 1, None),
        Ok(message(&[(2, b"x"), (3, b"y")]))
    );
    assert_eq!(
        replaced(&message(&[(2, b"x")]), 1, Some(b"new")),
        Ok(message(&[(2, b"x"), (1, b"new")]))
    );
}

#[test]
fn a_number_has_as_many_octets_as_it_needs() {
    for (value, octets) in [
        (0, 1),
        (127, 1),
        (128, 2),
        (16383, 2),
        (16384, 3),
        (u64::MAX, 10),
    ] {
        let mut message = Vec::new();
        put_number(&mut message, value);
        assert_eq!((message.len(), encoded_len(value)), (octets, octets));
    }
}
