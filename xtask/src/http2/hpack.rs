//! Field blocks as HPACK (RFC 7541) encodes them.

/// Adds a field, also to the dynamic table (RFC 7541, 6.2.1).
pub(crate) fn push_indexed(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0x40);
    push_text(block, name);
    push_text(block, value);
}

/// Adds a field, and leaves the dynamic table as it is (RFC 7541, 6.2.2).
pub fn push_literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    push_text(block, name);
    push_text(block, value);
}

/// A string literal without Huffman coding (RFC 7541, 5.2).
fn push_text(block: &mut Vec<u8>, text: &[u8]) {
    push_number(block, text.len());
    block.extend_from_slice(text);
}

/// A number with a prefix of seven bits (RFC 7541, 5.1).
fn push_number(block: &mut Vec<u8>, mut number: usize) {
    const LARGEST_SHORT: usize = 127;
    if number < LARGEST_SHORT {
        return block.push(number as u8);
    }
    block.push(LARGEST_SHORT as u8);
    number -= LARGEST_SHORT;
    while number >= 128 {
        block.push((number % 128) as u8 | 0x80);
        number /= 128;
    }
    block.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        let encoded = |number| {
            let mut block = Vec::new();
            push_number(&mut block, number);
            block
        };
        assert_eq!(encoded(10), [10]);
        assert_eq!(encoded(127), [127, 0]);
        assert_eq!(encoded(1337), [127, 0xba, 9]);
    }
}
