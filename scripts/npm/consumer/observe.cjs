// What somebody who uses the package gets of it; shared by those who import and who require it.
const process = require("node:process");

/** A datagram to itself, from another address of loopback's. */
async function viaSocket({ openUdpSocket }) {
  const socket = openUdpSocket({ family: "IPv4", signal: AbortSignal.timeout(10_000) });
  try {
    await socket.send("hello", `127.0.0.3:${socket.port}`, { source: "127.0.0.2" });
    const { data, source, destination, interfaceName } = await socket.receive();
    return {
      text: new TextDecoder().decode(data),
      source: source.address,
      destination: destination.address,
      interfaceName,
    };
  } finally {
    await socket.close();
  }
}

/** The same by way of the face of node:dgram. */
function viaDgram({ createSocket }) {
  return new Promise((resolve, reject) => {
    const receiver = createSocket("udp4");
    const sender = createSocket("udp4");
    receiver.on("error", reject);
    receiver.on("message", (message, { address: source, destination, interfaceName }) => {
      receiver.close();
      sender.close();
      resolve({ text: message.toString(), source, destination, interfaceName });
    });
    receiver.bind(0, "127.0.0.3", () => {
      sender.bind(0, "127.0.0.2", () => {
        sender.send("hello", receiver.address().port, "127.0.0.3");
      });
    });
  });
}

async function viaCommand({ main }) {
  let version = "";
  const io = { out: (text) => version += text, err() {}, progress() {} };
  await main(["--version"], io);
  return version.trim();
}

/** Writes what it sees as one line of JSON. */
exports.observe = async (modules) => {
  const [root, cli, dgram] = ["pktinfo", "pktinfo/cli", "pktinfo/dgram"].map((name) =>
    modules[name]
  );
  const names = Object.entries(modules).map(([name, module]) => [
    name,
    // Added to the names of a module that was required.
    Object.keys(module).filter((name) => name !== "__esModule" && name !== "module.exports").sort(),
  ]);
  const seen = {
    exports: Object.fromEntries(names),
    loopback: root.interfaces().find(({ loopback }) => loopback).name,
    socket: await viaSocket(root),
    dgram: await viaDgram(dgram),
    version: await viaCommand(cli),
  };
  process.stdout.write(`${JSON.stringify(seen)}\n`);
};
