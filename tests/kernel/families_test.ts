// Hosts that have only one family: a dual-stack socket takes the one there is and says so.
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { SocketError } from "../../mod.ts";
import { notOn, test } from "../harness.ts";
import { FakeLibrary, isIpv6 } from "./fake_library.ts";
import { at, next, runProgram, text } from "./support.ts";

interface Report {
  families: string[];
  unavailable: [string, string][];
  received: string;
  asked: string;
  hint: string;
  sent: string;
  joined: string;
  errors: number;
  told: string[];
  interfaces: string[];
}

for (const missing of ["IPv4", "IPv6"] as const) {
  const other = missing === "IPv4" ? "IPv6" : "IPv4";
  test(`a host without ${missing} gets a socket of ${other}`, {
    needs: ["linux", "ipv4", "ipv6"],
    skip: notOn("qemu", "QEMU takes no seccomp filter"),
  }, async () => {
    // The program has its own kernel refuse the family (seccomp).
    const report: Report = JSON.parse(
      await runProgram("without_family.ts", ["--allow-ffi"], missing),
    );
    assertEquals(report.families, [other]);
    assertEquals(report.unavailable, [[missing, "EAFNOSUPPORT"]]);
    assertEquals(report.received, "still here");
    // Asking for what is not there is an error, at open and later.
    assertEquals(report.asked, "EAFNOSUPPORT");
    assertStringIncludes(report.hint, `no ${missing}`);
    assertEquals(report.sent, "EAFNOSUPPORT");
    assertEquals(report.joined, "EAFNOSUPPORT");
    // Its group was skipped, and that was told.
    assertEquals(report.errors, 1);
    assertEquals(report.told, ["EAFNOSUPPORT"]);
  });

  test(`${missing} without even a wildcard address counts as missing`, {
    needs: ["ipv4", "ipv6"],
  }, async () => {
    const library = new FakeLibrary();
    library.on(
      "bind",
      ([, name], call) =>
        isIpv6(name) === (missing === "IPv6") ? library.refuse("EADDRNOTAVAIL") : call(),
    );
    await using socket = library.openSocket();
    assertEquals(socket.stats.families, [other]);
    assertEquals(socket.stats.unavailable.map(({ family }) => family), [missing]);
    assertEquals(socket.localAddresses.length, 1);
    await socket.send("x", at(socket, other === "IPv4" ? "127.0.0.2" : "::1"));
    assertEquals(text(await next(socket)), "x");
    const error = await assertRejects(
      () => socket.send("x", at(socket, missing === "IPv4" ? "127.0.0.2" : "::1")),
      SocketError,
    );
    assertEquals(error.code, "EADDRNOTAVAIL");
    assertThrows(() => library.openSocket({ family: missing }), SocketError);
  });
}

test("a host with neither family is an error", () => {
  const library = new FakeLibrary().on("socket", () => library.refuse("EAFNOSUPPORT"));
  const error = assertThrows(() => library.openSocket(), SocketError);
  assertEquals(error.code, "EAFNOSUPPORT");
});

test("a failure that is not about the family is not taken for one", {
  needs: ["ipv4", "ipv6"],
}, () => {
  const library = new FakeLibrary().lacksOptions(["packetInfo"], "IPv6");
  // Packet information is what the library exists for: a half without it is no half.
  const error = assertThrows(() => library.openSocket(), SocketError);
  const { cName } = library.system.platform.options.IPv6.packetInfo!;
  assertEquals([error.code, error.syscall], ["ENOPROTOOPT", `setsockopt(${cName})`]);
});
