/** Largest message sent or taken, in bytes; the kubelet's own limit on its sockets. */
export const messageLimit = 16 * 1024 * 1024;

/** Longest path of a unix socket in bytes: sun_path of 108 less its closing zero (unix(7)). */
export const longestSocketPath = 107;
