// What the page says of an activation.

import { duration, percent } from "../../format.js";

export default {
  about: "Share of new users who do all steps in time",
  write: percent,
  newest: "Everybody who joined in the newest 28 days whose time is over: younger users do not count yet.",
  theirs: "Those of them whose time is over: younger users do not count yet.",
  everybody: ({ within_seconds: within }) => ` and has had ${duration(within)}`,
  line: ({ within_seconds: within }) =>
    `Each point: the users who joined then, and the share of them that made it within ${duration(within)}. Hatched: too young to judge. Dashed: not all have had their time.`,
  joined: true,
};
