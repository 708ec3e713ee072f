// Node 20 cannot say whether a buffer's memory was transferred away: then it is found out, here as there.
import { assertEquals, assertRejects } from "@std/assert";
import { openUdpSocket } from "../../mod.ts";
import { notOn, test } from "../harness.ts";
import { at, next } from "./support.ts";

/** A buffer that does not say it. */
function silent(buffer: ArrayBuffer): ArrayBuffer {
  return Object.defineProperty(buffer, "detached", { value: undefined });
}

test("memory that was transferred away is refused where its buffer does not say so", {
  skip: notOn("qemu", "QEMU refuses the address of a buffer without bytes"),
}, async () => {
  await using socket = openUdpSocket({ address: "127.0.0.2" });
  const gone = new ArrayBuffer(8);
  structuredClone(gone, { transfer: [gone] });
  await assertRejects(
    () => socket.send(silent(gone), at(socket, "127.0.0.2")),
    TypeError,
    "the data's buffer is detached",
  );
  await socket.send(silent(new ArrayBuffer(0)), at(socket, "127.0.0.2"));
  assertEquals((await next(socket)).data.length, 0);
});
