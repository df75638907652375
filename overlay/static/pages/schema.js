// JSON Schema as OpenAPI 3.1 and AsyncAPI write it, in words and as an example.

const DEEPEST = 6; // a schema that contains itself ends here

export class Schemas {
  constructor(spec) {
    this.spec = spec;
  }

  /** Follows "$ref" inside the same document. */
  resolve(value) {
    let known = value ?? {};
    for (let hops = 0; known.$ref?.startsWith("#/") && hops < 10; hops += 1) {
      known = known.$ref.slice(2).split("/").reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], this.spec) ?? {};
    }
    return known;
  }

  /** "text", "list of poll", "one of a, b", "whole number or null". */
  typeOf(value, depth = 0) {
    const named = value?.$ref?.split("/").at(-1);
    if (named) return named;
    const schema = value ?? {};
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return `one of ${schema.enum.map((item) => JSON.stringify(item)).join(", ")}`;
    const either = schema.anyOf ?? schema.oneOf;
    if (either && depth < DEEPEST) return [...new Set(either.map((item) => this.typeOf(item, depth + 1)))].join(" or ");
    if (schema.type === "array") return `list of ${this.typeOf(schema.items, depth + 1)}`;
    if (Array.isArray(schema.type)) return schema.type.map((type) => this.typeOf({ ...schema, type }, depth + 1)).join(" or ");
    const words = { string: schema.format ?? "text", integer: "whole number", number: "number", boolean: "true or false", null: "null", object: "object" };
    return words[schema.type] ?? (schema.allOf ? this.typeOf(schema.allOf[0], depth + 1) : "anything");
  }

  /** Ranges and defaults in words. */
  limits(value) {
    const schema = this.resolve(value);
    const parts = [];
    const span = (low, high, unit) => {
      if (low !== undefined && high !== undefined) parts.push(`${low} to ${high}${unit}`);
      else if (low !== undefined) parts.push(`at least ${low}${unit}`);
      else if (high !== undefined) parts.push(`at most ${high}${unit}`);
    };
    for (const part of [schema, ...(schema.anyOf ?? [])].map((item) => this.resolve(item))) {
      span(part.minimum, part.maximum, "");
      span(part.minLength, part.maxLength, " characters");
      span(part.minItems, part.maxItems, " items");
    }
    if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`);
    return parts.length ? `(${parts.join(", ")})` : "";
  }

  /** The fields of an object, inherited ones included: `[{name, type, required, notes}]`. */
  fields(value, depth = 0) {
    const schema = this.resolve(value);
    if (schema.type === "array" && depth < DEEPEST) return this.fields(schema.items, depth + 1);
    const inherited = (schema.allOf ?? []).flatMap((part) => (depth < DEEPEST ? this.fields(part, depth + 1) : []));
    const own = Object.entries(schema.properties ?? {}).map(([name, field]) => ({
      name,
      type: this.typeOf(field),
      required: (schema.required ?? []).includes(name),
      notes: [field.description ?? this.resolve(field).description, this.limits(field)].filter(Boolean).join(" "),
    }));
    return [...inherited, ...own];
  }
}

/** A value that fits the schema, from its examples and defaults where it has some. */
export function exampleOf(schemas, value, depth = 0) {
  const schema = schemas.resolve(value);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (depth > DEEPEST) return null;
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(schemas, part, depth + 1)));
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return exampleOf(schemas, either[0], depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "array") return [exampleOf(schemas, schema.items, depth + 1)];
  if (type === "object" || schema.properties) {
    const fields = Object.entries(schema.properties ?? {});
    return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(schemas, field, depth + 1)]));
  }
  if (type === "integer" || type === "number") return schema.minimum ?? 0;
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (schema.format === "date-time") return "2026-11-20T20:00:00.123Z";
  if (schema.format === "uuid") return "0193a6f2-5c1e-7a40-8f1a-2f6b8f1d3c55";
  return "text";
}
