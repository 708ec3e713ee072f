import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { SocketError, type SocketErrorInit, UnsupportedError } from "../../ffi/errors.ts";
import { test } from "../harness.ts";

function message(init: Partial<SocketErrorInit>): string {
  return new SocketError({ code: "EIO", errno: 5, syscall: "bind", ...init }).message;
}

test("a SocketError's subject, in all combinations", () => {
  const hosts: [Partial<SocketErrorInit>, string][] = [
    [{}, ""],
    [{ address: null, port: null }, ""],
    [{ address: "" }, ""],
    [{ port: 0 }, " port 0"],
    [{ port: 53, address: null }, " port 53"],
    [{ address: "192.0.2.1" }, " 192.0.2.1"],
    [{ address: "192.0.2.1", port: 53 }, " 192.0.2.1:53"],
    [{ address: "192.0.2.1", port: 0 }, " 192.0.2.1:0"],
    [{ address: "fe80::1%eth0" }, " fe80::1%eth0"],
    [{ address: "fe80::1%eth0", port: 53 }, " [fe80::1%eth0]:53"],
    [{ address: "::", port: 0 }, " [::]:0"],
  ];
  const interfaces: [Partial<SocketErrorInit>, string][] = [
    [{}, ""],
    [{ interfaceIndex: null, interfaceName: null }, ""],
    [{ interfaceIndex: 0 }, ""],
    [{ interfaceIndex: 3 }, " on interface 3"],
    [{ interfaceName: "eth0" }, " on eth0"],
    [{ interfaceIndex: 3, interfaceName: "eth0" }, " on eth0"],
    [{ interfaceIndex: 3, interfaceName: "" }, " on interface 3"],
  ];
  const ends: [Partial<SocketErrorInit>, string][] = [
    [{}, ""],
    [{ hint: null }, ""],
    [{ reason: "Input/output error" }, " (Input/output error)"],
    [{ hint: "Try again" }, ". Try again"],
    [{ reason: "Input/output error", hint: "Try again" }, " (Input/output error). Try again"],
  ];
  for (const [host, hostText] of hosts) {
    for (const [where, whereText] of interfaces) {
      for (const [end, endText] of ends) {
        assertEquals(
          message({ ...host, ...where, ...end }),
          `bind${hostText}${whereText}: EIO${endText}`,
        );
      }
    }
  }
});

test("a SocketError's fields", () => {
  const full = new SocketError({
    code: "EADDRINUSE",
    errno: 98,
    syscall: "setsockopt(IP_TTL)",
    address: "fe80::1%eth0",
    port: 0,
    interfaceIndex: 3,
    interfaceName: "eth0",
    hint: "Try again",
  });
  assertInstanceOf(full, Error);
  assertEquals(full.name, "SocketError");
  assertEquals([full.code, full.errno, full.syscall], ["EADDRINUSE", 98, "setsockopt(IP_TTL)"]);
  assertEquals(
    [full.address, full.port, full.interfaceIndex, full.hint],
    ["fe80::1%eth0", 0, 3, "Try again"],
  );
  assert(full.stack?.startsWith("SocketError") || full.stack?.startsWith("Error"), full.stack);
  const bare = new SocketError({ code: "ECANCELED", errno: 0, syscall: "recvmsg" });
  assertEquals([bare.address, bare.port, bare.interfaceIndex, bare.hint], [null, null, null, null]);
  assertEquals(bare.message, "recvmsg: ECANCELED");
});

test("an UnsupportedError says what and where, and what to do instead", () => {
  const error = new UnsupportedError("reusePort", "Windows");
  assertInstanceOf(error, Error);
  assertEquals(error.name, "UnsupportedError");
  assertEquals(error.message, "reusePort is not supported on Windows");
  assertEquals([error.feature, error.os], ["reusePort", "Windows"]);
  assertEquals(
    new UnsupportedError("reusePort", "Windows", "Use share").message,
    "reusePort is not supported on Windows. Use share",
  );
});
