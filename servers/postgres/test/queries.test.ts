import { embedded } from '../../kit/sql/test/running.ts'
import { openShop } from '../../kit/sql/test/shop.ts'
import { testQueries } from './queries.ts'

testQueries(await openShop(embedded))
