// What the desk knows of supporters before it has asked: null is "not yet".

export const EMPTY = Object.freeze({ feed: null, totals: null, rules: null, pages: null, troubles: {} });
