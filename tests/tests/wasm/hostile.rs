//! Requests that nobody thought of: whatever they hold, the module answers what the core decides,
//! does not trap, and does not keep memory.

use basic_auth::{Decision, Policy, Request, Worker};
use basic_auth_tests::{fixture, host::Outcome, observed::Fields, octets};
use std::time::Duration;

const CONFIGURATION: &str = r#"{"basic_auth_rules": [
    {"prefix": "/admin", "credentials": ["Aladdin:open sesame"]},
    {"exact": "/exact", "hosts": ["example.com", "*.test"], "credentials": ["a:b"]},
    {"suffix": ".php", "request_methods": ["GET", "POST"], "credentials": ["a:b"]},
    {"path_separated_prefix": "/segment/two", "credentials": ["a:b", "Aladdin:open sesame"]}
]}"#;

/// Pieces of fields: what rules look for, what disguises it, and what is no text at all.
const PIECES: [&[u8]; 40] = [
    b"/",
    b"/",
    b"admin",
    b"/admin",
    b"exact",
    b"/exact",
    b".php",
    b"segment",
    b"two",
    b"..",
    b".",
    b"%",
    b"%2",
    b"%2e",
    b"%2F",
    b"%252f",
    b"%5c",
    b"%00",
    b"%ff",
    b"\\",
    b";",
    b"?",
    b"#",
    b":",
    b"http://",
    b"example.com",
    b"EXAMPLE.com.",
    b"a.test",
    b":8080",
    b"[::1]",
    b"@",
    b"Basic ",
    b"basic",
    b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    b"YTpi",
    b"=",
    b"\t",
    b"\xff",
    b"\0",
    b"\xc3\x28",
];
const METHODS: [&[u8]; 6] = [b"GET", b"HEAD", b"POST", b"OPTIONS", b"get", b"\xff\0"];

const REQUESTS: usize = 20_000;
/// Until then tables and buffers may still grow.
const WARM_UP: usize = 2_000;

#[test]
fn the_module_does_what_the_core_decides_whatever_a_request_holds() {
    let policy = Policy::parse(CONFIGURATION.as_bytes(), &|_| None).expect("a policy");
    let mut worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
    let host = fixture::host();
    let mut vm = host.start(&[].into()).expect("the module starts");
    vm.configure(CONFIGURATION.as_bytes()).expect("accepted");
    let mut random = Random(fastrand::Rng::with_seed(7617));
    let mut memory = 0;
    let mut answered = [0; 2];
    for count in 0..REQUESTS {
        let sent = random.request();
        let decision = decide(&policy, &mut worker, &sent);
        let outcome = match vm.request(&sent) {
            Outcome::Continue { .. } => 200,
            Outcome::Reply(response) => response.status,
            other => panic!("{other:?}: {}", display(&sent)),
        };
        assert_eq!(outcome, decision, "{}", display(&sent));
        answered[usize::from(outcome == 200)] += 1;
        if count == WARM_UP {
            memory = vm.memory_size();
        }
    }
    assert_eq!(
        vm.memory_size(),
        memory,
        "{} requests made it grow",
        REQUESTS - WARM_UP
    );
    let [denied, passed] = answered;
    assert!(
        denied > REQUESTS / 10 && passed > REQUESTS / 10,
        "{denied} denied, {passed} passed"
    );
}

fn decide(policy: &Policy, worker: &mut Worker, sent: &Fields) -> u32 {
    let fields = sent
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()));
    match policy.decide(&Request::of(fields, policy.field_names()), worker) {
        Decision::Allow(_) => 200,
        Decision::Deny(denied) => denied.status(),
        Decision::Hold(held) => panic!("{held:?}"),
    }
}

fn display(sent: &Fields) -> String {
    let show = |(name, value): &(Vec<u8>, Vec<u8>)| {
        format!("{}: {}", octets::display(name), octets::escape(value))
    };
    sent.iter().map(show).collect::<Vec<_>>().join(", ")
}

/// The same sequence in every run, so that a failure can be repeated.
struct Random(fastrand::Rng);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0.usize(..limit)
    }

    fn octets(&mut self, most: usize) -> Vec<u8> {
        let mut octets = Vec::new();
        for _ in 0..self.below(most + 1) {
            match self.below(8) {
                0 => octets.push(self.0.u8(..)),
                _ => octets.extend(PIECES[self.below(PIECES.len())]),
            }
        }
        octets
    }

    fn path(&mut self) -> Vec<u8> {
        const STARTS: [&[u8]; 5] = [b"", b"/", b"/", b"/admin", b"/segment/two"];
        let start = STARTS[self.below(STARTS.len())];
        [start, &self.octets(6)].concat()
    }

    fn credentials(&mut self) -> Vec<u8> {
        match self.below(3) {
            0 => b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_vec(),
            1 => [b"Basic ", &self.octets(3)[..]].concat(),
            _ => self.octets(4),
        }
    }

    fn request(&mut self) -> Fields {
        let mut fields = vec![(
            b":method".to_vec(),
            METHODS[self.below(METHODS.len())].to_vec(),
        )];
        match self.below(3) {
            0 => fields.push((b":authority".to_vec(), b"example.com".to_vec())),
            1 => fields.push((b":authority".to_vec(), self.octets(3))),
            _ => {}
        }
        if self.below(50) > 0 {
            fields.push((b":path".to_vec(), self.path()));
        }
        for _ in 0..self.below(3) {
            fields.push((b"authorization".to_vec(), self.credentials()));
        }
        if self.below(20) == 0 {
            fields.push((b"x-http-method-override".to_vec(), self.octets(1)));
        }
        fields
    }
}
