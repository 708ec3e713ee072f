// The thread for calls that block, with a thread of ours in its place.
import { assertEquals } from "@std/assert";
import type { Worker } from "node:worker_threads";
import { BlockingWorker } from "../../ffi/runtime/blocking_worker.ts";
import { test } from "../harness.ts";

/** What is told to a thread, and what it is made of. */
class FakeWorker {
  static last: FakeWorker;
  readonly messages: { id: number; name: string; args: unknown[] }[] = [];
  readonly #listeners = new Map<string, (value: unknown) => void>();
  /** Whether it keeps the process. */
  held = true;

  constructor(readonly program: string) {
    FakeWorker.last = this;
  }

  on(event: string, listener: (value: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  ref(): void {
    this.held = true;
  }

  unref(): void {
    this.held = false;
  }

  postMessage(message: { id: number; name: string; args: unknown[] }): void {
    this.messages.push(message);
  }

  tell(event: string, value: unknown): void {
    this.#listeners.get(event)!(value);
  }

  answer(at: number, result: number): void {
    this.tell("message", { id: this.messages[at].id, result });
  }
}

function start(): { blocking: BlockingWorker; thread: FakeWorker } {
  const threads = { Worker: FakeWorker as unknown as typeof Worker };
  const blocking = new BlockingWorker(threads, "const call = () => 0;");
  return { blocking, thread: FakeWorker.last };
}

test("calls on another thread are answered one by one, in any order", async () => {
  const { blocking, thread } = start();
  const first = blocking.call("poll", [1n, 2], false);
  const second = blocking.call("epoll_wait", [3], false);
  assertEquals(thread.messages.map(({ name, args }) => [name, args]), [
    ["poll", [1n, 2]],
    ["epoll_wait", [3]],
  ]);
  thread.answer(1, 7);
  assertEquals(await second, 7);
  thread.answer(0, 5);
  assertEquals(await first, 5);
  // Nobody asked.
  thread.tell("message", { id: 99, result: 1 });
});

test("the thread keeps the process for as long as a call does that is to keep it", async () => {
  const { blocking, thread } = start();
  assertEquals(thread.held, false);
  const free = blocking.call("poll", [], false);
  assertEquals(thread.held, false);
  const held = [blocking.call("poll", [], true), blocking.call("poll", [], true)];
  assertEquals(thread.held, true);
  thread.answer(1, 0);
  await held[0];
  assertEquals(thread.held, true);
  thread.answer(2, 0);
  await held[1];
  assertEquals(thread.held, false);
  thread.answer(0, 0);
  await free;
  assertEquals(thread.held, false);
});

test("where the thread dies every call fails, those that wait and those to come", async () => {
  const { blocking, thread } = start();
  const waiting = [blocking.call("poll", [], false), blocking.call("poll", [], true)];
  thread.tell("error", new Error("no thread can be had"));
  assertEquals(await Promise.all(waiting), [-1, -1]);
  assertEquals(thread.held, false);
  assertEquals(await blocking.call("poll", [], true), -1);
  assertEquals(thread.messages.length, 2, "nobody is asked");
});
