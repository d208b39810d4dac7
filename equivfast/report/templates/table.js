// The table of every setting: a head sorts it, upwards first; the list above it shows one transformation.
// Without this script it is a plain table in the order of the study.
"use strict";
for (const table of document.querySelectorAll("table.settings")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];

  // What a cell is sorted by: its number before rounding, its words, or null for none.
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const shown = cell.matches("[data-value]") ? cell : cell.querySelector("[data-value]");
    if (!shown) return /[\p{L}\p{N}]/u.test(cell.textContent) ? cell.textContent.trim() : null;
    return shown.dataset.value === "" ? null : Number(shown.dataset.value);
  };

  const sort = (column) => {
    const down = heads[column].getAttribute("aria-sort") === "ascending";
    const keyed = [...body.rows].map((row) => ({ row, key: keyOf(row, column) }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      const order = typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key);
      return down ? -order : order;
    });
    body.append(...keyed.map((item) => item.row));
    heads.forEach((head, k) => {
      if (k === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };

  heads.forEach((head, column) => {
    // An empty button over the words: browsers repeat a head on every printed page only where it is plain text.
    const button = document.createElement("button");
    button.type = "button";
    button.ariaLabel = `sort by ${head.textContent}`;
    button.addEventListener("click", () => sort(column));
    head.append(button);
  });

  const chooser = table.closest("figure").querySelector(".choose");
  chooser.hidden = false;
  chooser.querySelector("select").addEventListener("change", (event) => {
    const wanted = event.target.value;
    for (const row of body.rows) {
      row.hidden = wanted !== "" && row.cells[0].dataset.value !== wanted;
    }
  });
}
