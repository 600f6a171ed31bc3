/** An address of this machine that is not loopback: Firefox uses no other towards an ICE-lite server. */
import { execFileSync } from "node:child_process";
import { networkInterfaces } from "node:os";

/** Of a block for documentation (RFC 5737): nobody is there. */
const ADDRESS = "198.51.100.1/32";
const NAME = "dais-e2e";
/** The other end: with it up, the interface counts as connected. */
const PEER = "dais-e2e-peer";

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
}

/** The first IPv4 address that is not loopback. */
export function ownAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

/**
 * Makes a pair of virtual interfaces if the machine, or this network namespace, has loopback only; answers with how to undo it.
 * Call it before the server starts, which offers the addresses that it finds then.
 */
export function needAddress(): () => void {
  if (ownAddress()) return () => undefined;
  try {
    ip("link", "add", NAME, "type", "veth", "peer", "name", PEER);
    ip("address", "add", ADDRESS, "dev", NAME);
    ip("link", "set", NAME, "up");
    ip("link", "set", PEER, "up");
    // Without one, Firefox says that it is offline.
    ip("route", "add", "default", "dev", NAME);
  } catch (error) {
    throw new Error("Firefox needs an address that is not loopback, and this machine has none. Run the test as root, or give an interface an address.", { cause: error });
  }
  return () => ip("link", "delete", NAME);
}
