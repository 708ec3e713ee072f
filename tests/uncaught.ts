/** What nobody catches, for tests that say what becomes of it. */
import process from "node:process";
import { runtime } from "./harness.ts";

/** Runs a test's part; returns what was thrown or rejected in the meantime without anybody to catch it. */
export async function uncaughtDuring(body: () => Promise<void>): Promise<unknown[]> {
  const caught: unknown[] = [];
  const stop = runtime === "deno" ? listenToWindow(caught) : listenToProcess(caught);
  try {
    await body();
  } finally {
    await new Promise((resolve) => setTimeout(resolve, 1));
    stop();
  }
  return caught;
}

function listenToWindow(caught: unknown[]): () => void {
  const listener = (event: PromiseRejectionEvent | ErrorEvent) => {
    event.preventDefault();
    caught.push(event instanceof ErrorEvent ? event.error : event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listener);
  globalThis.addEventListener("error", listener);
  return () => {
    globalThis.removeEventListener("unhandledrejection", listener);
    globalThis.removeEventListener("error", listener);
  };
}

/** node:test listens as well, and fails the test that runs. */
function listenToProcess(caught: unknown[]): () => void {
  const listener = (error: unknown) => void caught.push(error);
  const events = ["uncaughtException", "unhandledRejection"] as const;
  const others = events.map((event) => {
    const listeners = process.listeners(event as "uncaughtException");
    process.removeAllListeners(event);
    process.on(event as "uncaughtException", listener);
    return listeners;
  });
  return () =>
    events.forEach((event, at) => {
      process.off(event, listener);
      for (const other of others[at]) process.on(event as "uncaughtException", other);
    });
}
