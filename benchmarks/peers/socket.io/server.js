// socket.io with the Redis adapter (PEER_REDIS_SOCKET names Redis): one emit a message, to everybody in a room.
// Orders: benchmarks/peers/orders.py.
"use strict";

const http = require("node:http");
const { createClient } = require("redis");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { takeOrders } = require("../orders.js");

async function main() {
  const publisher = createClient({ socket: { path: process.env.PEER_REDIS_SOCKET } });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const server = http.createServer();
  const io = new Server(server, { transports: ["websocket"], perMessageDeflate: false });
  io.adapter(createAdapter(publisher, subscriber));
  io.on("connection", (socket) => socket.join("show"));
  server.listen(0, "127.0.0.1", 1024, () =>
    takeOrders(server.address().port, (text) => io.to("show").emit("message", text)),
  );
}

main();
