// What the desk knows about the people of a show before it has asked.

export const EMPTY = { members: null, may: [], mayInvite: [], readiness: null, consents: null, invitations: [] };
