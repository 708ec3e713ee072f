// What a system can do, by its tables.
import { assertEquals } from "@std/assert";
import { platform } from "../../mod.ts";
import { describe } from "../../socket/platform.ts";
import { test } from "../harness.ts";

test("what this system can do is told as data that nobody can change", () => {
  assertEquals(Object.isFrozen(platform), true);
  assertEquals(describe("linux", "x86_64").batchedCalls, true);
  assertEquals(describe("darwin", "aarch64").sendFromGroupBoundSocket, false);
  assertEquals(describe("windows", "x86_64").loopbackOption, "receiver");
});

test("a system that there are no tables for can do nothing, and asking does not fail", () => {
  const { os, loopbackOption, packetInfo, sourceSpecific, ...others } = describe("haiku", "x86_64");
  assertEquals([os, loopbackOption], ["haiku", "sender"]);
  assertEquals([packetInfo, sourceSpecific], [
    { IPv4: false, IPv6: false },
    { IPv4: false, IPv6: false },
  ]);
  assertEquals(new Set(Object.values(others)), new Set([false]));
});
