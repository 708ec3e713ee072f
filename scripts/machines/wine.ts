/** Windows: Wine and Deno for Windows. */
import path from "node:path";
import { inNamespace } from "../namespace.ts";
import { removeAtEnd } from "../run.ts";
import { cached, once, temporaryFolder } from "./cache.ts";
import { unpackDebian } from "./debian.ts";
import { denoDir, denoVersion, type Machine, mustBeAble, started } from "./machine.ts";
import { npmPackage } from "./npm.ts";
import { must } from "./tools.ts";

/** Debian 12's own Wine is too old for Deno; this one comes from the release after it, with the C library it needs. */
const packages = {
  what: "Wine",
  suite: "trixie",
  names: [
    ...["wine64", "libwine", "libz-mingw-w64"],
    ...["libc6", "libgcc-s1", "libunwind8", "liblzma5", "zlib1g"],
  ],
};
const version = "wine-10.0";

/** The places in it. */
function placesIn(folder: string) {
  const libraries = `${folder}/usr/lib/x86_64-linux-gnu`;
  return {
    loader: `${folder}/usr/lib64/ld-linux-x86-64.so.2`,
    wine: `${folder}/usr/lib/wine/wine64`,
    server: `${folder}/usr/lib/wine/wineserver64`,
    libraries,
    unix: `${libraries}/wine/x86_64-unix`,
    windows: `${libraries}/wine/x86_64-windows`,
  };
}

/** Marks a Windows library as one that belongs to Wine, as the package's installation script does; else Wine leaves it aside. */
async function markAsBuiltin(from: string, to: string) {
  const library = await Deno.readFile(from);
  const mark = new Uint8Array(32);
  new TextEncoder().encodeInto("Wine builtin DLL", mark);
  library.set(mark, 64);
  await Deno.writeFile(to, library);
}

/** Unpacks Wine and tells its programs where they are: they come with their own C library, beside that of the machine. */
const unpackWine = () =>
  cached(version, async (folder, final) => {
    await unpackDebian(packages, folder);
    const [here, there] = [placesIn(folder), placesIn(final)];
    await markAsBuiltin(
      `${folder}/usr/x86_64-w64-mingw32/lib/zlib1.dll`,
      `${here.windows}/zlib1.dll`,
    );
    const patch = (...args: string[]) =>
      must("cannot prepare Wine", ["patchelf", "--force-rpath", ...args]);
    await patch(
      "--set-interpreter",
      there.loader,
      "--set-rpath",
      there.libraries,
      here.wine,
      here.server,
    );
    const modules = [...Deno.readDirSync(here.unix)].map(({ name }) => `${here.unix}/${name}`)
      .filter((name) => name.endsWith(".so"));
    await patch("--set-rpath", `$ORIGIN:${there.libraries}`, ...modules);
    // The packaged one is a script with other paths in it.
    await Deno.remove(path.join(path.dirname(here.server), "wineserver")).catch(() => {});
    await Deno.symlink("wineserver64", path.join(path.dirname(here.server), "wineserver"));
    // wineserver looks for ../../share/wine/wine/nls from where it is.
    await Deno.symlink(".", `${folder}/usr/share/wine/wine`);
  });

/** Wine's command and settings for one Windows, which is the folder `prefix`. */
async function wineIn(
  prefix: string,
  folder: string,
): Promise<{ command: string[]; env: Record<string, string> }> {
  const { wine, server } = placesIn(folder);
  // Debian's Wine keeps a socket in a folder of /tmp that this file names.
  const sockets = await Deno.makeTempDir({ dir: "/tmp", prefix: "pktinfo-wine-" });
  removeAtEnd(sockets);
  await Deno.writeTextFile(path.join(prefix, "wineserver"), path.basename(sockets));
  // It would look for a screen, take the wrong libraries, and die of TMPDIR (an invalid free() in Debian's version).
  const unset = ["DISPLAY", "WAYLAND_DISPLAY", "LD_LIBRARY_PATH", "TMPDIR"];
  return {
    command: ["env", ...unset.flatMap((name) => ["-u", name]), wine],
    env: {
      WINEPREFIX: prefix,
      WINELOADER: wine,
      WINESERVER: server,
      WINEDEBUG: Deno.env.get("WINEDEBUG") ?? "-all",
      // No desktop, no menus, no window with the news of a crash, no offers to download further parts of Windows.
      WINEDLLOVERRIDES: "explorer.exe,winedbg.exe,winemenubuilder.exe=d;mscoree,mshtml=",
    },
  };
}

/** Makes a Windows: drive C and the registry. */
const installWindows = (wineFolder: string) =>
  cached(`${version}-windows`, async (prefix) => {
    const { command, env } = await wineIn(prefix, wineFolder);
    // In a namespace nothing goes on when this is stopped. The registry is written when wineserver ends.
    const boot =
      '"$@" wineboot -i && env -u TMPDIR "$WINESERVER" -k && rm "$WINEPREFIX/wineserver"';
    await must("Wine does not start", inNamespace(["sh", "-c", boot, "sh", ...command]), {
      env,
      limit: 120,
    });
    // Nine tenths of it are copies of Wine's own libraries.
    const share = 'for file in "$1"/*; do ours=$2/${file##*/}; ' +
      'if cmp -s "$file" "$ours"; then ln -f "$ours" "$file"; fi; done';
    const { windows } = placesIn(wineFolder);
    await must("cannot prepare Wine", [
      ...["sh", "-c", share, "sh", `${prefix}/drive_c/windows/system32`, windows],
    ]);
  });

/**
 * A copy of that Windows, for this run.
 *
 * wineserver, one for all programs of a Windows, is the one that makes their sockets, in the network in which it was
 * started. So no two runs may have the same Windows. What Windows does not change is shared; the registry it writes in place.
 */
async function copyOf(windows: string): Promise<string> {
  const prefix = await temporaryFolder("windows");
  const copy = 'cp -a --link "$1/." "$2" && rm "$2"/*.reg && cp -a "$1"/*.reg "$2"';
  await must("cannot copy Windows", ["sh", "-c", copy, "sh", windows, prefix]);
  return prefix;
}

/** Gets Windows ready; at the first time it is downloaded. */
export const wine: () => Promise<Machine> = once(async () => {
  await mustBeAble();
  const deno = await npmPackage({
    what: "Deno for Windows",
    name: "@deno/win32-x64",
    version: denoVersion,
  });
  const modules = await denoDir();
  const folder = await unpackWine();
  const prefix = await copyOf(await installWindows(folder));
  const { command, env } = await wineIn(prefix, folder);
  const pathOf = (file: string) => `Z:${file.replaceAll("/", "\\")}`;
  return await started("Deno for Windows", {
    deno: [...command, pathOf(path.join(deno, "deno.exe"))],
    env: { ...env, DENO_DIR: pathOf(modules), PKTINFO_MACHINE: "wine" },
    pathOf,
  });
});
