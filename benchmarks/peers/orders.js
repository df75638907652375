// The orders of orders.py, for programs in JavaScript.
"use strict";

const readline = require("node:readline");

function message(number, due, size) {
  const head = `{"at":"@T=${String(due).padStart(19, "0")}","number":${number},"padding":"`;
  return `${head}${"x".repeat(size - head.length - 2)}"}`;
}

/** Says that the port is open, and has `publish(text)` called when messages are due. */
function takeOrders(port, publish) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("close", () => process.exit(0));
  lines.on("line", (line) => {
    const [word, count, perSecond, size] = line.split(" ");
    if (word !== "publish") throw new Error(`no such order: ${line}`);
    const began = process.hrtime.bigint();
    process.stdout.write(`began ${began}\n`);
    let number = 0;
    const next = () => {
      while (number < Number(count)) {
        const after = Number(perSecond) > 0 ? (number / Number(perSecond)) * 1e9 : 0;
        const due = began + BigInt(Math.round(after));
        const wait = Number(due - process.hrtime.bigint());
        if (wait > 0) {
          setTimeout(next, Math.ceil(wait / 1e6));
          return;
        }
        publish(message(number, due, Number(size)), number);
        number += 1;
        if (Number(perSecond) > 0) {
          setImmediate(next); // sockets have a turn between two messages
          return;
        }
      }
    };
    next();
  });
  process.stdout.write(`ready ${port} ${process.pid}\n`);
}

module.exports = { takeOrders };
