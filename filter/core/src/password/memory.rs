//! The memory that scrypt, Argon2 and yescrypt fill: how much it may be, and whether it can be had.

use core::hint::black_box;

use super::error::HashError;
use super::format::Format;

/// The most memory in KiB that one verification may fill: 64 MiB, and some more for a popular preset
/// of Argon2 that takes four KiB more. Linear memory never shrinks, and every worker has its own.
pub(super) const MAX_TABLE_KIB: u32 = 65 * 1024;

/// The most memory in octets beside that.
const MAX_BUFFER_OCTETS: u64 = 1024 * 1024;

/// Refuses what fills more than 65 MiB, or has large buffers beside that. What overflows is over both.
pub(super) fn check_memory(
    format: Format,
    table_octets: Option<u64>,
    buffer_octets: Option<u64>,
) -> Result<(), HashError> {
    let (table, buffer) = (
        table_octets.unwrap_or(u64::MAX),
        buffer_octets.unwrap_or(u64::MAX),
    );
    if table <= u64::from(MAX_TABLE_KIB) * 1024 && buffer <= MAX_BUFFER_OCTETS {
        return Ok(());
    }
    Err(HashError::TooMuchMemory {
        format,
        needed_mib: table.saturating_add(buffer).div_ceil(1024 * 1024),
    })
}

/// Whether so many octets can be had. The crates of scrypt and yescrypt abort when their own request
/// for them fails, and in a Wasm VM that ends the VM. The VM has one thread: what was free just now
/// still is.
pub(super) fn is_memory_available(octets: u64) -> bool {
    let mut table = Vec::<u8>::new();
    usize::try_from(octets)
        .is_ok_and(|octets| black_box(&mut table).try_reserve_exact(octets).is_ok())
}
