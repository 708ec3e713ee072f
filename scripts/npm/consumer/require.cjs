const { observe } = require("./observe.cjs");

observe({
  "pktinfo": require("pktinfo"),
  "pktinfo/cli": require("pktinfo/cli"),
  "pktinfo/dgram": require("pktinfo/dgram"),
  "pktinfo/doctor": require("pktinfo/doctor"),
});
