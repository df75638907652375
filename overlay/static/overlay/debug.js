// ?debug=1: a line in the corner for setting up. Never on air by itself.

/** Shows the state of `live` in a corner, twice a second. */
export function showDebug(live) {
  const line = document.createElement("div");
  line.className = "hb-debug";
  document.body.append(line);
  const write = () => {
    line.dataset.state = live.state;
    const age = live.heardAt ? `${((Date.now() - live.heardAt) / 1000).toFixed(0)} s ago` : "never";
    const size = `${window.innerWidth}×${window.innerHeight}`;
    const hint = innerWidth * 9 === innerHeight * 16 || innerHeight > innerWidth ? "" : " (1920×1080 is best)";
    line.textContent = `${live.state}  seq ${live.seq}  lag ${live.lag} ms  heard ${age}  ${size}${hint}`;
  };
  write();
  setInterval(write, 500);
}
