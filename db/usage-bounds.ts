/** Networks with unknown keys that are told apart on one day; a flush may add as many again as it holds (1,000). */
export const unknownNetworksMax = 10_000;
