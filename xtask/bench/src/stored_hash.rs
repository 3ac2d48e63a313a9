//! The stored hashes that `cargo xtask bench passwords` verifies against.

/// A stored hash of some password that nobody knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredHash {
    pub(crate) name: &'static str,
    /// As it stands in the second field of an htpasswd line.
    pub(crate) text: &'static str,
    /// How many verifications take some tens of milliseconds.
    pub(crate) count: usize,
    /// How many times as long as natively a verification took in the VM when the primitives were
    /// chosen, on another machine and with the crates' own interfaces.
    pub(crate) reference: Option<f64>,
}

impl StoredHash {
    const fn with_reference(self, ratio: f64) -> Self {
        Self {
            reference: Some(ratio),
            ..self
        }
    }
}

const fn hash(name: &'static str, text: &'static str, count: usize) -> StoredHash {
    StoredHash {
        name,
        text,
        count,
        reference: None,
    }
}

/// No password is ever compared with it.
pub(crate) const LOCKED: StoredHash = hash("locked", "*", 500);

/// Those that take less than what a request takes.
pub(crate) const FAST: [StoredHash; 5] = [
    hash("{PLAIN}", "{PLAIN}something else", 0),
    hash("{SHA}", "{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ=", 0),
    hash(
        "{SSHA}",
        "{SSHA}bEiwulKhVqG0wRVxs1ooibgOlxZzYWx0c2FsdA==",
        0,
    ),
    hash(
        "{SSHA256}",
        "{SSHA256}mawpkfNze21cebJxTyol+4rI1K6KHfRAoSr3QayjlFtzYWx0c2FsdA==",
        0,
    ),
    hash(
        "{SSHA512}",
        "{SSHA512}TzmHsU+2RTZKyuEYUDTMTa/yswdSJkG/WoyGfXl+6nYqZKxv/YWt5ajHcxdbKF8baD03yrl39H7N68iANYvodXNhbHRzYWx0",
        0,
    ),
];

/// The others.
pub(crate) const SLOW: [StoredHash; 13] = [
    hash("$apr1$", "$apr1$saltsalt$HIDXe7D36X22w1CH4M1cQ.", 200).with_reference(1.00),
    hash(
        "$5$, 5,000 rounds",
        "$5$31UQ7KAz7yd/AilT$mnS1FU4EcrDGhW.EhBt5wx0KVnx0ZDTL.LULH248sO0",
        20,
    ),
    hash(
        "$6$, 5,000 rounds",
        "$6$SZPat3YKK8fBJImj$ceGGGiwX3IERp/NxUUgP4G2Q3x3kHI6c6TsUyIUky5331Usr.aYDr7IOn.JXyFIQXqGYnp7enWYf/JRB7DbC.0",
        20,
    ).with_reference(1.21),
    hash(
        "bcrypt 5",
        "$2y$05$MqZyrRnNlMUIL16OVAPJbO8pwC7PxlozX1k1zICrNhybpvAZCmQUu",
        20,
    ).with_reference(0.94),
    hash(
        "bcrypt 10",
        "$2y$10$MqZyrRnNlMUIL16OVAPJbO8pwC7PxlozX1k1zICrNhybpvAZCmQUu",
        1,
    ).with_reference(0.95),
    hash(
        "bcrypt 12",
        "$2y$12$MqZyrRnNlMUIL16OVAPJbO8pwC7PxlozX1k1zICrNhybpvAZCmQUu",
        1,
    ).with_reference(0.95),
    hash(
        "argon2id, 19 MiB, t=2",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$59VJuj9HND9twqKjJXSk0AbMwIzezcmEQLtP7Rj0F7Q",
        2,
    ).with_reference(1.09),
    hash(
        "scrypt 2^14",
        "$scrypt$ln=14,r=8,p=1$b611LuU8BwDAuBeCUKq1Vg$T/ZE8sQI8Vrh081DpZqzzT2MHPWlZrFT/z3bJBcKqBY",
        1,
    ).with_reference(1.00),
    hash(
        "scrypt 2^15",
        "$scrypt$ln=15,r=8,p=1$b611LuU8BwDAuBeCUKq1Vg$T/ZE8sQI8Vrh081DpZqzzT2MHPWlZrFT/z3bJBcKqBY",
        1,
    ),
    hash(
        "scrypt 2^16",
        "$scrypt$ln=16,r=8,p=1$b611LuU8BwDAuBeCUKq1Vg$T/ZE8sQI8Vrh081DpZqzzT2MHPWlZrFT/z3bJBcKqBY",
        1,
    ),
    hash(
        "PBKDF2-SHA-1, 1,300,000",
        "$pbkdf2$1300000$Osd4L4XQ2vufs7Y2hpDyHg$KLLXOEDlKAFFi4lbMg2fiwDBZrA",
        1,
    ),
    hash(
        "PBKDF2-SHA-256, 600,000",
        "$pbkdf2-sha256$600000$obT2fg9BKEWo1RpDiLHWOg$FMP3/jojy7bXQNuw9QjXx8.3iKj7TS.rOl/SJqRnZ7s",
        1,
    ).with_reference(2.58),
    hash(
        "PBKDF2-SHA-512, 210,000",
        "$pbkdf2-sha512$210000$i3Euxbj33pvzfs/ZmzMGYA$s7jh6ZlGcR7LX14bM7u20/lTRUqvgsolclQcsm97zkIOT/mNdsxWE/rj0Z0UT5UiRcgTT9BxwPkkSCtsGXqIWg",
        1,
    ),
];
