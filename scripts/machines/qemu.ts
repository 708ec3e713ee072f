/** Linux on arm64: QEMU translates the processor's instructions, and the system calls go to the kernel of this machine. */
import path from "node:path";
import { cached, once, temporaryFolder } from "./cache.ts";
import { unpackDebian } from "./debian.ts";
import { denoDir, denoVersion, type Machine, mustBeAble, started } from "./machine.ts";
import { npmPackage } from "./npm.ts";

const emulator = "qemu-aarch64";

/** Debian 12's own cannot run Deno. Of its emulators, for some thirty processors, one is kept. */
const unpackQemu = () =>
  cached("qemu-10", async (folder) => {
    const all = await temporaryFolder("qemu");
    await unpackDebian({ what: "QEMU", suite: "backports", names: ["qemu-user"] }, all);
    await Deno.rename(path.join(all, "usr/bin", emulator), path.join(folder, emulator));
  });

/** What Deno is linked with. */
const unpackLibraries = () =>
  cached("arm64-libraries-12", (folder) =>
    unpackDebian({
      what: "the C library for arm64",
      suite: "",
      architecture: "arm64",
      names: ["libc6", "libgcc-s1", "libstdc++6"],
    }, folder));

/** Gets arm64 ready; at the first time it is downloaded. */
export const qemu: () => Promise<Machine> = once(async () => {
  await mustBeAble();
  const deno = await npmPackage({
    what: "Deno for arm64",
    name: "@deno/linux-arm64-glibc",
    version: denoVersion,
  });
  const modules = await denoDir();
  const qemu = await unpackQemu();
  const libraries = await unpackLibraries();
  // One word for both programs: tests start Deno too.
  const launcher = path.join(await temporaryFolder("arm64"), "deno");
  const script = `#!/bin/sh\nexec "$PKTINFO_QEMU" "$PKTINFO_QEMU_DENO" "$@"\n`;
  await Deno.writeTextFile(launcher, script, { mode: 0o755 });
  return await started("Deno for arm64", {
    deno: [launcher],
    env: {
      PKTINFO_QEMU: path.join(qemu, emulator),
      PKTINFO_QEMU_DENO: path.join(deno, "deno"),
      QEMU_LD_PREFIX: libraries,
      DENO_DIR: modules,
      PKTINFO_MACHINE: "qemu",
      PKTINFO_DENO: launcher,
    },
    pathOf: (file) => file,
  });
});
