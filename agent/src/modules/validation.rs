//! Whether octets are a module that Envoy's V8 takes.

use wasmparser::{Validator, WasmFeatures};

/// Every module of Wasm begins with it.
pub(super) const MAGIC: &[u8; 4] = b"\0asm";

/// Refuses what is no module: magic, version, structure and types of every section and every function.
///
/// What V8 knows beyond the standard is allowed, components are not: Envoy loads core modules.
pub(super) fn validate(octets: &[u8]) -> Result<(), String> {
    if !octets.starts_with(MAGIC) {
        return Err(format!(
            "it starts with {}, not with the magic of Wasm",
            shown_head(octets)
        ));
    }
    let features =
        (WasmFeatures::default() | WasmFeatures::LEGACY_EXCEPTIONS) - WasmFeatures::COMPONENT_MODEL;
    match Validator::new_with_features(features).validate_all(octets) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The first octets, as text where they are some: most often it is an error page.
pub(super) fn shown_head(octets: &[u8]) -> String {
    let head = &octets[..octets.len().min(16)];
    match std::str::from_utf8(head) {
        _ if head.is_empty() => "nothing".to_owned(),
        Ok(text)
            if text
                .chars()
                .all(|c| !c.is_control() || c.is_ascii_whitespace()) =>
        {
            format!("{text:?}")
        }
        _ => head
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parser's own texts may change with it; where they point to does not.
    #[test]
    fn modules_and_what_is_none() {
        let wrong_body =
            b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";
        let simd = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x17\x01\x15\0\xfd\x0c0123456789abcdef\x1a\x0b";
        for (octets, expected) in [
            (&b"\0asm\x01\0\0\0"[..], ""),
            (simd, ""),
            (
                b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b",
                "",
            ),
            (b"", "it starts with nothing, not with the magic of Wasm"),
            (
                b"<!DOCTYPE html><html>",
                "it starts with \"<!DOCTYPE html><\", not with the magic of Wasm",
            ),
            (
                b"\x7fELF",
                "it starts with 7f 45 4c 46, not with the magic of Wasm",
            ),
            (b"\0asm\x01\0", "(at offset 0x4)"),
            (b"\0asm\x02\0\0\0", "(at offset 0x4)"),
            (b"\0asm\x0d\0\x01\0", "(at offset 0x0)"),
            (b"\0asm\x01\0\0\0\x01\x05\x01\x60", "(at offset 0xa)"),
            (wrong_body, "(at offset 0x18)"),
        ] {
            let text = validate(octets).err().unwrap_or_default();
            let place = text
                .find("(at offset")
                .map_or(text.as_str(), |at| &text[at..]);
            assert_eq!(place, expected, "{text}");
        }
    }
}
