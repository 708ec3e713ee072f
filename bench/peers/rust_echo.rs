// Echo server: std::net::UdpSocket, blocking. The answer leaves from wherever the routing table says.
// usage: rust_echo
#[path = "common.rs"]
mod common;

fn main() {
    let socket = common::open();
    common::ready(&socket);
    let mut data = [0u8; common::SLOT];
    loop {
        let (length, source) = socket.recv_from(&mut data).expect("recvfrom");
        socket.send_to(&data[..length], source).expect("sendto");
    }
}
