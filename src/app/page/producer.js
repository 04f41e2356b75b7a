// Sends the form without leaving the page, and shows from the delivery reports how the records spread.
"use strict";
(() => {
  const id = (name) => document.getElementById(name);
  const form = document.querySelector("form");
  const button = form.querySelector("button[type=submit]");
  const number = new Intl.NumberFormat("en");
  let stop = null;

  const say = (text, bad) => {
    id("status").textContent = text;
    id("status").className = bad ? "bad" : "";
  };

  const cell = (row, text, name) => {
    const td = document.createElement("td");
    if (name) td.className = name;
    td.append(text);
    row.append(td);
    return td;
  };

  const bar = (records, most) => {
    const meter = document.createElement("progress");
    meter.max = most;
    meter.value = records;
    meter.setAttribute("aria-label", "Share");
    return meter;
  };

  const show = (answer) => {
    const parts = new Map(answer.partitions.map((p) => [p.partition, p]));
    const most = Math.max(1, ...answer.partitions.map((p) => p.records));
    const shown = answer.topicPartitions > 50 ? [...parts.keys()] : [...Array(answer.topicPartitions).keys()];
    const rows = document.createDocumentFragment();
    for (const partition of shown) {
      const p = parts.get(partition) ?? { records: 0 };
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.className = "n";
      head.append(String(partition));
      row.append(head);
      cell(row, number.format(p.records), "n");
      cell(row, bar(p.records, most), "wide");
      cell(row, !p.records ? "–" : p.records === 1 ? String(p.first) : `${p.first} – ${p.last}`, "n");
      rows.append(row);
    }
    id("rows").replaceChildren(rows);
    id("where").textContent = `${number.format(answer.acknowledged)} of ${number.format(answer.asked)} ` +
      `acknowledged on ${parts.size} of ${answer.topicPartitions} partitions of ${answer.topic}`;
    id("result").hidden = answer.acknowledged === 0;
  };

  const send = async () => {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
      signal: stop.signal,
    });
    if (!answer.headers.get("Content-Type").startsWith("application/json")) {
      say(await answer.text(), !answer.ok);
      return;
    }
    const spread = await answer.json();
    say(spread.text, !answer.ok);
    show(spread);
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (stop) return;
    stop = new AbortController();
    button.disabled = true;
    id("stop").hidden = false;
    id("result").hidden = true;
    say("Sending …", false);
    try {
      await send();
    } catch (error) {
      say(error.name === "AbortError" ? "Stopped." : "The application does not answer.", error.name !== "AbortError");
    }
    stop = null;
    button.disabled = false;
    id("stop").hidden = true;
    id("message").focus();
  });
  id("stop").addEventListener("click", () => stop?.abort());
})();
