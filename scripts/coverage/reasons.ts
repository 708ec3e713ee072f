/** All reasons, room by room. */
import type { Reason } from "./reason.ts";
import { ffi } from "./reasons_ffi.ts";
import { others } from "./reasons_others.ts";
import { socket } from "./reasons_socket.ts";

export const reasons: readonly Reason[] = [...ffi, ...others, ...socket];
