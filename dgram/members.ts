/**
 * What the parts of a socket call one another by.
 *
 * Symbols rather than names: a subclass may have a method of any name (dns2's
 * server has one called `handle`), and its instances take any property.
 *
 * @module
 */

/** What the socket is done with; `null` once it is closed. */
export const handle: unique symbol = Symbol("handle");
/** The same, where it must be there. */
export const running: unique symbol = Symbol("running");
/** Refuses once it is closed. */
export const mustRun: unique symbol = Symbol("mustRun");
/** Does something that the OS may refuse. */
export const run: unique symbol = Symbol("run");
/** Whether there is a peer. */
export const connected: unique symbol = Symbol("connected");
/** Asks for the address of a name. */
export const lookup: unique symbol = Symbol("lookup");
/** What is to be done once the socket is bound. */
export const waiting: unique symbol = Symbol("waiting");
/** Does something now or when the socket is bound. */
export const whenBound: unique symbol = Symbol("whenBound");
