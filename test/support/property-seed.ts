import fc from 'fast-check';

/** One seed for every property, so that a run says the same twice; another one is tried on purpose. */
fc.configureGlobal({ seed: Number(process.env['STROBE_PROPERTY_SEED'] ?? 1) });
