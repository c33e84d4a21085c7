/**
 * Measures up to four times, until nothing is wrong. Other programs take the processor's time too; a delay that is the
 * measured program's own comes back each time.
 *
 * @returns what was wrong in the last round.
 */
export async function findLastingFaults(measure: () => Promise<string[]>): Promise<string[]> {
  let faults: string[] = [];
  for (let round = 0; round < 4; round++) {
    faults = await measure();
    if (faults.length === 0) break;
  }
  return faults;
}
