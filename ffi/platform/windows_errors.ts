/**
 * Windows' error codes under the names that all systems share.
 *
 * Winsock's own begin at 10000; the IP helper and a few socket calls answer with
 * Win32's. Where two have one name the larger one, Winsock's, is the name's number.
 *
 * @module
 */

/** Code → name and meaning (Windows Sockets Error Codes; System Error Codes). */
export const WINDOWS_ERRORS: Readonly<
  Record<number, readonly [code: string, reason: string]>
> = {
  2: ["ENODEV", "The system cannot find the interface specified"],
  5: ["EACCES", "Access is denied"],
  6: ["EBADF", "The handle is invalid"],
  8: ["ENOMEM", "Not enough memory resources are available"],
  31: ["EIO", "A device attached to the system is not functioning"],
  50: ["EOPNOTSUPP", "The request is not supported"],
  87: ["EINVAL", "The parameter is incorrect"],
  234: ["EMSGSIZE", "More data is available"],
  995: ["ECANCELED", "The I/O operation has been aborted"],
  1168: ["ENODEV", "Element not found: there is no such interface"],
  1231: ["ENETUNREACH", "The network location cannot be reached"],
  1232: ["EHOSTUNREACH", "The host cannot be reached"],
  1234: ["ECONNREFUSED", "No service is operating at the destination"],
  10004: ["EINTR", "Interrupted function call"],
  10009: ["EBADF", "File handle is not valid"],
  10013: ["EACCES", "An attempt was made to access a socket in a way forbidden by its permissions"],
  10014: ["EFAULT", "Bad address"],
  10022: ["EINVAL", "Invalid argument"],
  10024: ["EMFILE", "Too many open sockets"],
  10035: ["EAGAIN", "Resource temporarily unavailable"],
  10036: ["EINPROGRESS", "Operation now in progress"],
  10037: ["EALREADY", "Operation already in progress"],
  10038: ["ENOTSOCK", "Socket operation on nonsocket"],
  10039: ["EDESTADDRREQ", "Destination address required"],
  10040: ["EMSGSIZE", "Message too long"],
  10041: ["EPROTOTYPE", "Protocol wrong type for socket"],
  10042: ["ENOPROTOOPT", "Bad protocol option"],
  10043: ["EPROTONOSUPPORT", "Protocol not supported"],
  10044: ["ESOCKTNOSUPPORT", "Socket type not supported"],
  10045: ["EOPNOTSUPP", "Operation not supported"],
  10046: ["EPFNOSUPPORT", "Protocol family not supported"],
  10047: ["EAFNOSUPPORT", "Address family not supported by protocol family"],
  10048: ["EADDRINUSE", "Address already in use"],
  10049: ["EADDRNOTAVAIL", "Cannot assign requested address"],
  10050: ["ENETDOWN", "Network is down"],
  10051: ["ENETUNREACH", "Network is unreachable"],
  10052: ["ENETRESET", "The time to live of an earlier datagram has expired"],
  10053: ["ECONNABORTED", "Software caused connection abort"],
  10054: ["ECONNRESET", "The port of an earlier datagram's destination is unreachable"],
  10055: ["ENOBUFS", "No buffer space available"],
  10056: ["EISCONN", "Socket is already connected"],
  10057: ["ENOTCONN", "Socket is not connected"],
  10058: ["ESHUTDOWN", "Cannot send after socket shutdown"],
  10060: ["ETIMEDOUT", "Connection timed out"],
  10061: ["ECONNREFUSED", "Connection refused"],
  10064: ["EHOSTDOWN", "Host is down"],
  10065: ["EHOSTUNREACH", "No route to host"],
};
