// Parts of a line that are drawn alike. A step from one point to the next is as open as the more open of the two.

export function runs(points) {
  const all = [];
  for (let i = 1; i < points.length; i++) {
    const open = Boolean(points[i - 1].open || points[i].open);
    if (all.at(-1)?.open === open) all.at(-1).points.push(points[i]);
    else all.push({ open, points: [points[i - 1], points[i]] });
  }
  return all;
}
