// The demo's inner half: the fabric, in namespaces of its own (see front.ts, which starts it). It waits for its
// order on standard input, and tidies up and ends as soon as that input does. What it does not remove itself
// goes with its namespaces.
import { errorText, LanyardError } from "../model/errors.ts";
import { AgentProcess } from "./agent-process.ts";
import { AgentView } from "./agent-view.ts";
import { removeFolder } from "./folder.ts";
import { Narrator } from "./narrator.ts";
import { readOrder } from "./order.ts";
import { placesIn } from "./places.ts";
import { tellStory } from "./story.ts";
import { buildWorld } from "./world.ts";

const LAST_WORDS = 15;

const stop = new AbortController();
const end = () => stop.abort(new LanyardError("unavailable", "interrupted"));
// nobody reads any more: "npm run demo | head"
process.stdout.on("error", end);
const order = await readOrder(process.stdin, end);
// What we wait for last, the end of a process that must not keep an agent alive, keeps us alive no more than it.
setInterval(() => {}, 60_000);
// sockets and threads that something failed to close keep nobody waiting
process.exit(order === undefined ? 1 : (await run(order)) ? 0 : 1);

/** @returns whether every figure holds */
async function run({
  folder,
  isServing,
  metricsUrl,
  hasColour,
}: NonNullable<typeof order>): Promise<boolean> {
  const places = placesIn(folder);
  const tell = new Narrator((text) => process.stdout.write(text), hasColour);
  const undo: (() => Promise<void>)[] = [() => removeFolder(folder)];
  let agentProcess: AgentProcess | undefined;
  try {
    const world = await buildWorld();
    undo.unshift(() => world.stop());
    const agent = new AgentProcess(world.nodePath, places);
    agentProcess = agent;
    undo.unshift(() => agent.stop());
    const signal = AbortSignal.any([stop.signal, agent.died]);
    const scene = { places, world, agent: new AgentView(places), tell, signal, figures: [] };
    return await tellStory(scene, { isServing, metricsUrl, stop: stop.signal });
  } catch (fault) {
    if (stop.signal.aborted) {
      tell.say("", "Interrupted.");
      return false;
    }
    const error = (await agentProcess?.causeOfDeath()) ?? fault;
    const isForPeople = error instanceof LanyardError || !(error instanceof Error);
    tell.say("", `Failed: ${isForPeople ? errorText(error) : error.stack}`);
    const lastWords = agentProcess?.lastWords(LAST_WORDS) ?? [];
    if (lastWords.length > 0) tell.say("The agent's last words:", ...lastWords.map((line) => `  ${line}`));
    return false;
  } finally {
    for (const step of undo) {
      await step().catch((error: unknown) => tell.say(`While tidying up: ${errorText(error)}`));
    }
  }
}
