//! A gRPC client: it hears UNAUTHENTICATED, and neither a broken stream nor an answer that is no gRPC.

use super::listener;
use client_tests::{
    program::{DEBIANS_PYTHON, run},
    proxy::{GOOD, WRONG},
};

/// Calls with one message, then with a stream, and prints how each ended.
const CLIENT: &str = r#"
import base64, grpc, sys
target, credentials = sys.argv[1:]
metadata = []
if credentials:
    metadata = [("authorization", "Basic " + base64.b64encode(credentials.encode()).decode())]
channel = grpc.insecure_channel(target)
say, chat = channel.unary_unary("/echo.Echo/Say"), channel.stream_stream("/echo.Echo/Chat")
calls = [
    lambda: [say(b"one", metadata=metadata, timeout=30)],
    lambda: list(chat(iter([b"one", b"two"]), metadata=metadata, timeout=30)),
]
for call in calls:
    try:
        print("OK", *[message.decode() for message in call()])
    except grpc.RpcError as error:
        print(error.code().name)
"#;

#[test]
fn a_grpc_client_gets_in_or_hears_that_it_is_not_authenticated() {
    let target = listener("grpc").to_string();
    let said = |credentials: &str| {
        let arguments = ["-c", CLIENT, &target, credentials];
        run(DEBIANS_PYTHON, "python3-grpcio", arguments).succeeded()
    };
    assert_eq!(said(GOOD), "OK one\nOK one two");
    let denied = "UNAUTHENTICATED\nUNAUTHENTICATED";
    for credentials in ["", WRONG] {
        assert_eq!(said(credentials), denied, "{credentials:?}");
    }
}
