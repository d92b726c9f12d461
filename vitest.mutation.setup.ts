import fc from 'fast-check';

// That a property does not hold is all that is asked of it; nobody reads the smallest example of each mutant.
fc.configureGlobal({ endOnFailure: true });
