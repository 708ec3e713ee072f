// Sender: std::net::UdpSocket, blocking, to a bound socket that nobody reads.
// usage: rust_send WARM COUNT PORT
#[path = "common.rs"]
mod common;

use std::net::Ipv4Addr;

fn main() {
    let (warm, count) = (common::argument(1), common::argument(2));
    let to = (Ipv4Addr::LOCALHOST, common::argument(3) as u16);
    let socket = common::open();
    common::ready(&socket);
    let payload = [b'x'; common::PAYLOAD];
    let mut start = 0;
    for sent in 1..=warm + count {
        socket.send_to(&payload, to).expect("sendto");
        if sent == warm {
            start = common::cpu_us();
        }
    }
    common::result(count, common::cpu_us() - start, 0);
}
