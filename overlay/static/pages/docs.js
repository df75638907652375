// A small reader for /openapi.json and /asyncapi.json: no third-party code, text only.

import { exampleOf, Schemas } from "./schema.js";

const VERBS = ["get", "post", "put", "patch", "delete"];
const content = document.getElementById("content");
const index = document.getElementById("index");

function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value);
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Running text; what stands between backticks becomes code. */
const spans = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", { text: part }) : part));
const prose = (text) => (text ? h("p", { class: "prose" }, spans(text)) : null);
const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

function verb(name) {
  return h("span", { class: "verb", data: { verb: name }, text: name.toUpperCase() });
}

function fieldsTable(schemas, schema) {
  const rows = schemas.fields(schema).map((field) => h("tr", {},
    h("th", { scope: "row" }, field.name, field.required && h("span", { class: "need", text: "required" })),
    h("td", { text: field.type }), h("td", {}, spans(field.notes))));
  return rows.length ? h("table", {}, h("tbody", {}, rows)) : h("p", { class: "hint", text: schemas.typeOf(schema) });
}

function bodyOf(schemas, media) {
  const [type, { schema, example } = {}] = Object.entries(media ?? {})[0] ?? [];
  if (!schema) return null;
  const sample = example ?? exampleOf(schemas, schema);
  return [h("p", { class: "hint", text: `${type} · ${schemas.typeOf(schema)}` }), fieldsTable(schemas, schema),
    sample !== undefined && h("pre", { tabindex: "0" }, h("code", { text: JSON.stringify(sample, null, 2) }))];
}

function curl(method, path, op, schemas) {
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${path}`];
  if (op.security?.length !== 0) lines.push('-H "Authorization: Bearer $HUBBUB_API_KEY"');
  const schema = op.requestBody?.content?.["application/json"]?.schema;
  if (schema) lines.push('-H "Content-Type: application/json"', `-d '${JSON.stringify(exampleOf(schemas, schema))}'`);
  return lines.join(" \\\n  ");
}

function operation(schemas, path, method, op, shared) {
  const parameters = [...shared, ...(op.parameters ?? [])].map((parameter) => schemas.resolve(parameter));
  const id = slug(op.operationId ?? `${method}-${path}`);
  const responses = Object.entries(op.responses ?? {}).map(([status, reply]) => {
    const known = schemas.resolve(reply);
    const body = bodyOf(schemas, known.content);
    const title = [h("span", { class: "status", text: status }), h("span", {}, spans(known.description ?? ""))];
    return body ? h("details", {}, h("summary", {}, title), h("div", {}, body)) : h("p", { class: "prose" }, title[0], " ", title[1]);
  });
  const article = h("article", { id, data: { search: `${method} ${path} ${op.summary ?? ""} ${op.description ?? ""}`.toLowerCase() } },
    h("h3", {}, verb(method), h("span", { class: "path", text: path })),
    op.summary && h("p", { text: op.summary }), prose(op.description),
    parameters.length > 0 && h("div", {}, h("h4", { text: "Parameters" }), h("table", {}, h("tbody", {}, parameters.map((parameter) => h("tr", {},
      h("th", { scope: "row" }, parameter.name, parameter.required && h("span", { class: "need", text: "required" })),
      h("td", { text: `${parameter.in} · ${schemas.typeOf(parameter.schema)}` }),
      h("td", { text: [parameter.description, schemas.limits(parameter.schema)].filter(Boolean).join(" ") })))))),
    op.requestBody && h("div", {}, h("h4", { text: "Body" }), bodyOf(schemas, schemas.resolve(op.requestBody).content)),
    h("div", {}, h("h4", { text: "Answers" }), responses),
    h("details", {}, h("summary", { text: "With curl" }), h("pre", { tabindex: "0" }, h("code", { text: curl(method, path, op, schemas) }))));
  return { id, article, method, label: op.summary ?? path };
}

function drawOpenApi(spec) {
  const schemas = new Schemas(spec);
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths ?? {})) {
    for (const method of VERBS) {
      if (!item[method]) continue;
      const group = item[method].tags?.[0] ?? path.split("/").filter((part) => part && part !== "api" && part !== "v1" && !part.startsWith("{"))[0] ?? "other";
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(operation(schemas, path, method, item[method], item.parameters ?? []));
    }
  }
  content.append(h("h1", { text: spec.info?.title ?? "Hubbub API" }), prose(spec.info?.description),
    h("p", { class: "hint", text: `Version ${spec.info?.version ?? "unknown"}` }));
  for (const [group, operations] of groups) {
    content.append(h("h2", { id: `group-${slug(group)}`, text: group }), ...operations.map((entry) => entry.article));
    list(group, operations);
  }
}

function drawAsyncApi(spec) {
  const schemas = new Schemas(spec);
  const entries = [];
  content.append(h("h2", { id: "live", text: spec.info?.title ?? "Live protocol" }), prose(spec.info?.description));
  const messages = Object.entries(spec.components?.messages ?? {});
  for (const [name, message] of messages) {
    const known = schemas.resolve(message);
    const id = `message-${slug(name)}`;
    const title = known.title ?? known.name ?? name;
    const article = h("article", { id, data: { search: `${name} ${title} ${known.summary ?? ""} ${known.description ?? ""}`.toLowerCase() } },
      h("h3", {}, verb("ws"), h("span", { class: "path", text: title })), known.summary && h("p", { text: known.summary }),
      prose(known.description), known.payload && fieldsTable(schemas, known.payload),
      known.payload && h("pre", { tabindex: "0" }, h("code", { text: JSON.stringify(exampleOf(schemas, known.payload), null, 2) })));
    content.append(article);
    entries.push({ id, article, method: "ws", label: title });
  }
  const boards = Object.entries(spec.components?.schemas ?? {});
  for (const [name, schema] of boards) {
    const id = `schema-${slug(name)}`;
    const article = h("article", { id, data: { search: `${name} ${schema.description ?? ""}`.toLowerCase() } },
      h("h3", {}, verb("json"), h("span", { class: "path", text: name })), prose(schema.description), fieldsTable(schemas, schema));
    content.append(article);
    entries.push({ id, article, method: "json", label: name });
  }
  list("live", entries);
}

const listed = [];

function list(group, entries) {
  const title = h("h2", { text: group });
  const items = entries.map((entry) => h("li", {}, h("a", { href: `#${entry.id}` }, verb(entry.method), h("span", { text: entry.label }))));
  const box = h("ul", {}, items);
  index.append(title, box);
  listed.push({ title, box, items, entries });
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { title, box, items, entries } of listed) {
    let any = false;
    entries.forEach((entry, at) => {
      const found = words.every((word) => entry.article.dataset.search.includes(word));
      entry.article.hidden = !found;
      items[at].hidden = !found;
      any = any || found;
    });
    title.hidden = !any;
    box.hidden = !any;
  }
  for (const heading of content.querySelectorAll("h2")) {
    let next = heading.nextElementSibling;
    let any = false;
    for (; next && next.tagName !== "H2"; next = next.nextElementSibling) any = any || (next.tagName === "ARTICLE" && !next.hidden);
    heading.hidden = !any;
  }
}

async function read(path, draw) {
  try {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    draw(await response.json());
  } catch (error) {
    content.append(h("p", { class: "prose", role: "alert", text: `${path} could not be read: ${error.message}. Reload the page to try again.` }));
  }
}

document.getElementById("search").addEventListener("input", (event) => search(event.target.value));
content.replaceChildren();
await read("/openapi.json", drawOpenApi);
await read("/asyncapi.json", drawAsyncApi);
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
