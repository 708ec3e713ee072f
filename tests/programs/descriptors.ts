/** What descriptors this process has, without the Unix sockets that runtimes make for themselves, sooner or later. */
import fs from "node:fs";

/** What each of them is, as /proc says it: `socket:[123]`, `anon_inode:[eventfd]`, a path. */
export function openDescriptors(): string[] {
  const open = fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // That of the folder itself.
      return [];
    }
  });
  // After them: a Unix socket that is new is in this list in any case.
  const unix = fs.readFileSync("/proc/net/unix", "latin1").split("\n")
    .map((line) => `socket:[${line.split(/ +/)[6]}]`);
  return open.filter((what) => !unix.includes(what));
}
