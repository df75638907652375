// What is known of the table before anything was read: null is "not yet", for the fight undefined, because there may be none.

export const EMPTY = Object.freeze({
  tab: "dice", settings: null, connections: null, rolls: null, pending: null, characters: null, combat: undefined, rules: null,
  items: null, stats: null, commands: null, hiddenStats: false, troubles: {},
});
