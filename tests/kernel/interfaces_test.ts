// The list of interfaces: loopback as every Linux has it, and all of them as iproute2 sees them.
import { assert, assertEquals } from "@std/assert";
import { system } from "../../ffi/system.ts";
import { System } from "../../ffi/syscalls.ts";
import { listInterfaces } from "../../interfaces/list.ts";
import { interfaces } from "../../mod.ts";
import { findProgram, test } from "../harness.ts";
import { fromIp, inOrder, withoutNetlink } from "../iproute2.ts";
import { run } from "../lab/process.ts";
import { FakeLibrary } from "./fake_library.ts";
import { descriptors } from "./support.ts";

test("loopback is listed with its addresses", { needs: ["linux", "ipv4", "ipv6"] }, () => {
  const lo = interfaces().find(({ name }) => name === "lo")!;
  assertEquals([lo.index, lo.up, lo.running, lo.loopback], [1, true, true, true]);
  assertEquals([lo.pointToPoint, lo.mac, lo.description, lo.mtu], [false, null, null, 65536]);
  const own = (address: string) => lo.addresses.find((own) => own.address === address);
  assertEquals(own("127.0.0.1"), {
    address: "127.0.0.1",
    family: "IPv4",
    prefixLength: 8,
    broadcast: null,
    scopeId: null,
    tentative: false,
    duplicate: false,
    temporary: false,
    deprecated: false,
  });
  assertEquals(own("::1"), {
    address: "::1",
    family: "IPv6",
    prefixLength: 128,
    broadcast: null,
    scopeId: null,
    tentative: false,
    duplicate: false,
    temporary: false,
    deprecated: false,
  });
});

test("interfaces come in the order of their indexes, each once", () => {
  const list = interfaces();
  const indexes = list.map(({ index }) => index);
  assertEquals(indexes, indexes.toSorted((a, b) => a - b));
  assertEquals(new Set(indexes).size, list.length);
  assertEquals(new Set(list.map(({ name }) => name)).size, list.length);
  for (const { index, name } of list) assert(index > 0 && name !== "");
});

test("every interface is as iproute2 lists it", {
  needs: ["linux"],
  skip: findProgram("ip") === null && "needs iproute2",
}, async () => {
  // An interface may come or go between two looks: then look again.
  for (let attempt = 1;; attempt++) {
    const before = JSON.stringify(interfaces());
    const text = await run("ip", ["-j", "addr", "show"]);
    const list = interfaces();
    if (JSON.stringify(list) !== before && attempt < 5) continue;
    assertEquals(inOrder(list), fromIp(text));
    return;
  }
});

test("without netlink getifaddrs(3) tells the same, but for what it cannot know", {
  needs: ["linux"],
}, () => {
  const { platform, runtime, library } = system();
  const bare = new System({ ...platform, netlink: null }, runtime, library);
  assertEquals(inOrder(listInterfaces(bare)), withoutNetlink(interfaces()));
});

test("where the kernel refuses a netlink socket, or what is asked of it, getifaddrs(3) answers", {
  needs: ["linux"],
}, () => {
  const before = descriptors();
  const AF_NETLINK = 16;
  for (const code of ["EAFNOSUPPORT", "EACCES", "EPERM", "EMFILE"]) {
    const library = new FakeLibrary();
    library.on("socket", ([domain], call) => domain === AF_NETLINK ? library.refuse(code) : call());
    assertEquals(inOrder(listInterfaces(library.system)), withoutNetlink(interfaces()));
    assertEquals(library.count("getifaddrs", "freeifaddrs"), 2);
  }
  for (const [call, code] of [["sendto", "EPERM"], ["recv", "EIO"]]) {
    const library = new FakeLibrary();
    library.on(call, () => library.refuse(code));
    assertEquals(inOrder(listInterfaces(library.system)), withoutNetlink(interfaces()));
    assertEquals([library.open.size, library.stray], [0, []]);
  }
  assertEquals(descriptors(), before);
});

test("a list that changed while it was written is asked for again, but not for ever", {
  needs: ["linux"],
}, () => {
  const { NLM_F_DUMP_INTR } = system().platform.netlink!.constants;
  for (const interrupted of [0, 1, 3, 1000]) {
    const library = new FakeLibrary();
    let left = interrupted;
    library.on("recv", ([, buffer], call) => {
      const length = call();
      // The flags of the first message.
      if (left-- > 0 && length > 8) buffer[6] |= NLM_F_DUMP_INTR;
      return length;
    });
    assertEquals(listInterfaces(library.system), interfaces());
    assert(library.count("sendto") <= 20, `asked ${library.count("sendto")} times`);
    if (interrupted > 0) assert(library.count("sendto") > 2, "asked once only");
    assertEquals([library.open.size, library.stray], [0, []]);
  }
});

test("listing leaves no descriptor, whatever happens", () => {
  const before = descriptors();
  for (let i = 0; i < 50; i++) interfaces();
  // What earlier tests have started may close some of its own meanwhile.
  assert(descriptors() < before + 25, `${descriptors()} after ${before}`);
});
