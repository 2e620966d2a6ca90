// What the page says of a time to first value.

import { duration, plural } from "../../format.js";

export default {
  about: "Time until new users first get value",
  write: duration,
  time: true,
  newest: "Everybody who joined in the newest 28 days. Who is not there yet counts for as long as they were followed.",
  theirs: "All of them. Who is not there yet counts for as long as they were followed.",
  everybody: () => "",
  line: () => "Each point: the users who joined then, and how long it took until half of them got there. Dashed: may still change.",
  cohorts: () => "The time until half of each cohort got there. Hollow dots may still change.",
  waiting: (users) => `${plural(users, "user")} of the newest weeks are not there yet. They count for as long as they were followed.`,
};
