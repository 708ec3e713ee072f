// Receiver: std::net::UdpSocket, blocking. It knows the source only.
// usage: rust_receive WARM COUNT
#[path = "common.rs"]
mod common;

fn main() {
    let (warm, count) = (common::argument(1), common::argument(2));
    let socket = common::open();
    common::ready(&socket);
    let mut data = [0u8; common::SLOT];
    let (mut sink, mut start) = (0u64, 0);
    for seen in 1..=warm + count {
        let (length, source) = socket.recv_from(&mut data).expect("recvfrom");
        sink += length as u64 + data[0] as u64 + source.port() as u64;
        if seen == warm {
            start = common::cpu_us();
        }
    }
    common::result(count, common::cpu_us() - start, sink);
}
