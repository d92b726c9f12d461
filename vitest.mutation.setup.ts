import fc from 'fast-check';

fc.configureGlobal({
  // That a property does not hold is all that is asked of it; nobody reads the smallest example of each mutant.
  endOnFailure: true,
  // What holds in all the examples of a second has not noticed the mutant.
  interruptAfterTimeLimit: 1000,
});
