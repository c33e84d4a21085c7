import { Command } from "commander";
import type { z } from "zod";
import { rateFields } from "../../server/core/flat-price.ts";
import type { ModelPriceView, PriceView, putPriceInput } from "../../server/core/price-schema.ts";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed } from "./exit.ts";
import { runAsSystem } from "./open-admin.ts";
import { addCommonOptions, type CommonFlags } from "./options.ts";
import { makeTable } from "./table.ts";

interface SetFlags extends CommonFlags {
  input: string;
  output: string;
  cachedInput?: string;
  cacheWrite?: string;
  hourCacheWrite?: string;
  reasoning?: string;
  inputAudio?: string;
  outputAudio?: string;
}

/** `tollgate prices …`: what models cost. */
export function makePricesCommand(io: CliIo): Command {
  const prices = new Command("prices").description(
    "What models cost: stored prices win over the config file, and that over the catalogue.",
  );
  prices.addCommand(makeList(io));
  prices.addCommand(makeSearch(io));
  prices.addCommand(makeSet(io));
  prices.addCommand(makeDelete(io));
  return prices;
}

function makeList(io: CliIo): Command {
  const command = new Command("list")
    .description("List what each model costs, in USD per million tokens, and who says so.")
    .option("--model <name>", "only this model")
    .option("--unpriced", "only models that some provider has no price for");
  return addCommonOptions(command).action(async (flags: CommonFlags & { model?: string; unpriced?: boolean }) => {
    const found = await runAsSystem(io, flags.configFile, (admin) =>
      admin.prices.list({
        ...(flags.model === undefined ? {} : { model: flags.model }),
        ...(flags.unpriced === true ? { unpriced: true } : {}),
      }),
    );
    if (flags.json === true) return writeJson(io, found);
    if (found.prices.length === 0) return io.out("No such models.\n");
    io.out(
      makeTable(found.prices.flatMap(makeRows), [
        { title: "MODEL", read: (row) => row.model },
        { title: "PROVIDER", read: (row) => row.provider },
        { title: "SOURCE", read: (row) => row.source },
        { title: "INPUT", read: (row) => row.price?.input_usd_per_million, right: true },
        { title: "OUTPUT", read: (row) => row.price?.output_usd_per_million, right: true },
        { title: "CACHED", read: (row) => row.price?.cached_input_usd_per_million, right: true },
        { title: "USED", read: (row) => row.used, right: true },
        { title: "UNPRICED", read: (row) => row.unpriced, right: true },
      ]),
    );
  });
}

function makeSearch(io: CliIo): Command {
  const command = new Command("search")
    .description("Search the catalogue that comes with the installation, in USD per million tokens.")
    .argument("<words...>", "words of a model's name, like openai mini")
    .option("--limit <count>", "how many models at most", "50");
  return addCommonOptions(command).action(async (words: string[], flags: CommonFlags & { limit: string }) => {
    const found = await runAsSystem(io, flags.configFile, (admin) =>
      admin.prices.searchCatalogue({ q: words.join(" "), limit: flags.limit }),
    );
    if (flags.json === true) return writeJson(io, found);
    if (found.models.length === 0) return io.out("The catalogue has no such model.\n");
    io.out(
      makeTable(found.models, [
        { title: "MODEL", read: (row) => row.model },
        { title: "INPUT", read: (row) => row.price?.input_usd_per_million, right: true },
        { title: "OUTPUT", read: (row) => row.price?.output_usd_per_million, right: true },
        { title: "CACHED", read: (row) => row.price?.cached_input_usd_per_million, right: true },
      ]),
    );
    if (found.total > found.models.length) io.out(`${found.models.length} of ${found.total} models.\n`);
  });
}

interface Row {
  model: string;
  provider: string | null;
  source: string;
  price: PriceView | null;
  used: number | null;
  unpriced: number | null;
}

function makeRows({ model, providers, stored, config, recent }: ModelPriceView): Row[] {
  const use = { used: recent?.requests ?? null, unpriced: recent?.unpriced_requests ?? null };
  if (providers.length === 0) {
    const source = stored === null ? "config" : "stored";
    return [{ model, provider: null, source, price: stored ?? config, ...use }];
  }
  return providers.map(({ provider, source, effective }) => ({
    model,
    provider,
    source: source ?? "unpriced",
    price: effective,
    ...use,
  }));
}

function makeSet(io: CliIo): Command {
  const command = new Command("set")
    .description("Store the price of a model, in USD per million tokens. It holds on every gateway within a second.")
    .argument("<model>", "the model's name here, or a shorthand such as openai::gpt-5-mini")
    .requiredOption("--input <usd>", "of input tokens")
    .requiredOption("--output <usd>", "of output tokens")
    .option("--cached-input <usd>", "of input that the provider had cached; that of input unless given")
    .option("--cache-write <usd>", "of input that it writes into its cache; that of input unless given")
    .option("--hour-cache-write <usd>", "of the same where it is kept for an hour; 1.6 times that unless given")
    .option("--reasoning <usd>", "of reasoning tokens; that of output unless given")
    .option("--input-audio <usd>", "of audio in; that of input unless given")
    .option("--output-audio <usd>", "of audio out; that of output unless given");
  return addCommonOptions(command).action(async (model: string, flags: SetFlags) => {
    const stored = await runAsSystem(io, flags.configFile, (admin) => admin.prices.put(makeInput(model, flags)));
    if (flags.json === true) return writeJson(io, stored);
    io.out(`${stored.model} costs ${stored.input_usd_per_million} and ${stored.output_usd_per_million} from now on.\n`);
  });
}

function makeInput(model: string, flags: SetFlags): z.input<typeof putPriceInput> {
  const input: z.input<typeof putPriceInput> = {
    model,
    input_usd_per_million: flags.input,
    output_usd_per_million: flags.output,
  };
  for (const bucket of [
    "cachedInput",
    "cacheWrite",
    "hourCacheWrite",
    "reasoning",
    "inputAudio",
    "outputAudio",
  ] as const) {
    const rate = flags[bucket];
    if (rate !== undefined) input[rateFields[bucket]] = rate;
  }
  return input;
}

function makeDelete(io: CliIo): Command {
  const command = new Command("delete")
    .description("Delete the stored price of a model; what the config file or the catalogue says holds again.")
    .argument("<model>", "the model's name");
  return addCommonOptions(command).action(async (model: string, flags: CommonFlags) => {
    const id = await runAsSystem(io, flags.configFile, async (admin) => {
      const stored = (await admin.prices.list({ model })).prices[0]?.stored ?? null;
      if (stored !== null) await admin.prices.delete({ price_id: stored.id });
      return stored?.id ?? null;
    });
    if (id === null) throw new CliFailure(exitFailed, `${model} has no stored price.`);
    if (flags.json === true) return writeJson(io, { id, model, state: "deleted" });
    io.out(`The stored price of ${model} is deleted.\n`);
  });
}
