// What every Rust program of the benchmark shares: arguments, CPU time, a UDP socket on 127.0.0.1. Only std, so that
// rustc alone compiles them.
#![allow(dead_code)] // none of them needs all of it
use std::env::args;
use std::net::UdpSocket;

pub const PAYLOAD: usize = 64;
/// Room for a datagram.
pub const SLOT: usize = 2048;
const LIMIT_SECONDS: u32 = 120;

/// struct rusage of a 64-bit system.
#[repr(C)]
struct Usage {
    user: [i64; 2],
    system: [i64; 2],
    rest: [i64; 14],
}

extern "C" {
    fn getrusage(who: i32, usage: *mut Usage) -> i32;
    fn alarm(seconds: u32) -> u32;
}

/// The number at a position of the command line.
pub fn argument(index: usize) -> u64 {
    args().nth(index).expect("an argument").parse().expect("a number")
}

/// A program whose starter died must not stay behind: alarm() ends it.
pub fn open() -> UdpSocket {
    unsafe { alarm(LIMIT_SECONDS) };
    UdpSocket::bind("127.0.0.1:0").expect("bind")
}

/// First line: the peer is ready and its socket has this port.
pub fn ready(socket: &UdpSocket) {
    println!("{{\"port\":{}}}", socket.local_addr().expect("getsockname").port());
}

/// User and system, in microseconds.
pub fn cpu_us() -> i64 {
    let mut usage = Usage { user: [0; 2], system: [0; 2], rest: [0; 14] };
    assert_eq!(unsafe { getrusage(0, &mut usage) }, 0);
    (usage.user[0] + usage.system[0]) * 1_000_000 + usage.user[1] + usage.system[1]
}

pub fn result(packets: u64, cpu_us: i64, sink: u64) {
    println!("{{\"packets\":{packets},\"cpuUs\":{cpu_us},\"sink\":{sink}}}");
}
