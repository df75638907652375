// Node's `ws`: the frame is made once and written to every socket, as its documentation proposes for broadcasts.
// Orders: benchmarks/peers/orders.py.
"use strict";

const { WebSocketServer, Sender } = require("ws");
const { takeOrders } = require("../orders.js");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.env.PEER_PORT ?? 0), perMessageDeflate: false, backlog: 1024 });
server.on("connection", (socket) => socket.on("error", () => socket.terminate()));
server.on("listening", () =>
  takeOrders(server.address().port, (text) => {
    const frame = Sender.frame(Buffer.from(text), { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true });
    const whole = Buffer.concat(frame);
    for (const client of server.clients) {
      if (client.readyState === 1) client._socket.write(whole);
    }
  }),
);
