// Model cards.
export { type CardEngine, type ModelCardFacts, modelCard } from "./model_card.ts";
